"""Model calls of a process that has lanes: what strangers answer is read in a child."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple

from runfold.events.avro.codec import Codec
from runfold.infra.settings.declared import variables
from runfold.processors.model.apart.process import Apart
from runfold.processors.model.contents import Fetch
from runfold.processors.model.deltas import KafkaDeltas, deltas_where_on
from runfold.processors.model.processor import ModelProcessor
from runfold.processors.model.providers.settings import ModelSettings
from runfold.processors.model.scripted.model import Lookup


class Models(NamedTuple):
    """What makes the calls, what it asks providers by, and who is told of pieces of answers."""

    apart: Apart
    processor: ModelProcessor
    deltas: KafkaDeltas | None

    def resources(self) -> list[AbstractAsyncContextManager[Any]]:
        """Return what is to be entered, in this order."""
        return [each for each in (self.deltas, self.apart, self.processor) if each is not None]


def models_beside_lanes(
    settings: ModelSettings,
    script: Lookup,
    fetch: Fetch,
    refresh: Callable[[], object],
    kafka: Mapping[str, str | int | float],
    codec: Codec,
) -> Models:
    """Return what makes model calls: whatever the child does, lanes go on."""
    deltas = deltas_where_on(kafka, codec)
    apart = Apart(
        settings.providers,
        variables.MODEL_MEMORY.read() * 1_000_000,
        soon=bool(settings.configured),
        deltas=deltas,
    )
    processor = ModelProcessor(
        settings, script, fetch, refresh=refresh, remote=apart, deltas=deltas
    )
    return Models(apart, processor, deltas)
