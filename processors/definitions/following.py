"""The definition store as a process follows it: ready before the work begins, closed after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from runfold.events.avro.codec import Codec
from runfold.events.definitions import ModelScript, Published, ToolContract
from runfold.infra.process.stall import Positions
from runfold.processors.definitions.follower import DefinitionFollower
from runfold.processors.definitions.kafka import KafkaDefinitionLog
from runfold.processors.definitions.sealing import lead

_READY_S = 30.0
_REFRESH_S = 5.0


@dataclass(frozen=True, slots=True)
class Following:
    """What the rooms of a process ask of the definitions."""

    log: KafkaDefinitionLog
    store: DefinitionFollower

    def tool(self, name: str, version: str, tenant: str) -> ToolContract | None:
        """Return a tool's contract as a tenant sees it, None where it is not published."""
        return self.store.current().tool(name, version, tenant)

    def published_tool(self, name: str, version: str, tenant: str) -> Published | None:
        """Return what was published as that tool, which says whose it is."""
        return self.store.current().version("tool", name, version, tenant)

    def script(self, name: str, tenant: str) -> ModelScript | None:
        """Return a model script as a tenant sees it, None where it is not published."""
        return self.store.current().model_script(name, None, tenant)

    def refresh(self) -> object:
        """Read what is published now, for five seconds at most; blocks."""
        return self.store.catch_up(_REFRESH_S)

    def reading(self) -> Positions:
        """Return how far the topic was received, for the stall watch."""
        return self.log.reading()


@contextmanager
def following(kafka: Mapping[str, str], codec: Codec) -> Iterator[Following]:
    """Follow the definition store within the block, read to its end before the block begins.

    Where the codec seals, its keys are read there too. Raises DefinitionStoreUnavailableError where
    it cannot be read within thirty seconds.
    """
    log = KafkaDefinitionLog(kafka, codec)
    with DefinitionFollower(log) as store:
        store.wait_ready(_READY_S)
        if codec.sealing is not None:
            lead(codec.sealing, store)
        yield Following(log, store)
