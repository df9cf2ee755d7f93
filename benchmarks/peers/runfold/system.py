"""Runfold: the embedded Kafka and Postgres, one run processor, one projector."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from benchmarks.peers.agent.work import LEDGER, Load
from benchmarks.peers.contract import Done, Facts, Place
from benchmarks.peers.errors import NotMeasuredError
from benchmarks.peers.profile import Scope
from benchmarks.peers.runfold import definitions as defined
from benchmarks.peers.runfold.client import RunfoldClient
from benchmarks.peers.support.meters import database_bytes, files_bytes
from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.processors.definitions.follower import DefinitionFollower
from runfold.processors.definitions.kafka import KafkaDefinitionLog
from runfold.processors.definitions.publisher import Author, publish
from runfold.producers.log.kafka import Publisher
from runfold.stack import control
from runfold.stack.errors import StackError
from runfold.stack.kafka.jars import KAFKA_RELEASE
from runfold.stack.settings import Settings
from runfold.stack.supervisor.plan import Process

_LEASE_S = 2.0
# One for each of the machine's cores, as the peers have a worker for each.
_PARTITIONS = 2
_WORKERS = ("runs", "tools")
_PARTS = {
    "worker": _WORKERS,
    "worker projector": ("projector",),
    "store kafka": ("kafka",),
    "store postgres": ("postgres",),
}


@dataclass
class Runfold:
    """One way to run it; ``claimed`` makes the tools side effects of level 1, in a pool."""

    name: str
    title: str
    projected: bool = True
    claimed: bool = False
    flushed: bool = False
    scope: Scope = Scope.PLAIN
    _settings: Settings | None = None
    _client: RunfoldClient | None = None

    @property
    def settings(self) -> Settings:
        """The addresses of the stack that runs."""
        assert self._settings is not None
        return self._settings

    def install(self) -> None:
        """Nothing: it is here."""

    def facts(self) -> Facts:
        """Return the versions in use and what is switched on."""
        packages = ("confluent-kafka", "fastavro", "pydantic", "psycopg")
        return Facts(
            {
                "runfold": version("runfold"),
                "kafka": KAFKA_RELEASE,
                **{p: version(p) for p in packages},
            },
            ", ".join(self._settled()),
            "Apache-2.0",
        )

    def start(self, place: Place) -> None:
        """Bring the stack up and publish the definitions."""
        os.environ |= {
            LEDGER: str(place.ledger.path),
            "RUNFOLD_TOOL_MODULES": defined.MODULE,
            "RUNFOLD_CLAIM_LEASE_S": str(_LEASE_S),
        }
        settings = replace(Settings.from_env({}), home=place.home, partitions=_PARTITIONS)
        try:
            self._settings = settings = control.up(settings, self._processes(), tied=True).settings
        except StackError as error:
            raise NotMeasuredError(str(error)) from error
        if self.flushed:
            _flush_every_message(settings)
        _publish(settings)
        agent = defined.ACTING if self.claimed else defined.READING
        self._client = RunfoldClient(settings, agent, projected=self.projected)

    def run(self, count: int, at_once: int, load: Load) -> Done:
        """Make the runs."""
        assert self._client is not None
        return self._client.run(count, at_once, load)

    def kill_workers(self) -> None:
        """Kill the run processor, and the pool where there is one."""
        for pid in self._members(_WORKERS):
            os.kill(pid, signal.SIGKILL)

    def start_workers(self) -> None:
        """Nothing: the product's own supervisor has noticed."""

    def pids(self) -> Mapping[str, list[int]]:
        """Return the processes by part."""
        return {part: self._members(names) for part, names in _PARTS.items()}

    def bytes_at_rest(self) -> Mapping[str, int]:
        """Return the journal, the other topics, and the views in Postgres."""
        assert self._settings is not None
        journal = files_bytes(self._settings.home, f"kafka/data/{topics.EVENTS}-*/*.log")
        return {
            "record": journal,
            "other topics": files_bytes(self._settings.home, "kafka/data/*/*.log") - journal,
            "views": database_bytes(self._settings.database_url),
        }

    def stop(self) -> None:
        """Take the stack down."""
        if self._client is not None:
            self._client.close()
        if self._settings is not None:
            with suppress(StackError):
                control.down(self._settings)
        self._client = self._settings = None

    def _processes(self) -> tuple[Process, ...]:
        worker = ("-m", "benchmarks.peers.runfold.worker")
        pool = Process("tools", ("-m", "runfold.processors.tool"), announces=True)
        projector = Process("projector", ("-m", "runfold.projections"), announces=True)
        return (
            Process("topics", ("-m", "runfold.stack.prepare"), once=True),
            Process("runs", worker, announces=True),
            *((pool,) if self.claimed else ()),
            *((projector,) if self.projected else ()),
        )

    def _members(self, names: tuple[str, ...]) -> list[int]:
        assert self._settings is not None
        known = control.status(self._settings)
        members = known.members if known else ()
        return [member.pid for member in members if member.name in names and member.pid]

    def _settled(self) -> list[str]:
        return [
            f"one broker, {_PARTITIONS} partitions, one run processor",
            "policy, checkpoints, costs and hash chain on",
            "clock stops when Postgres shows the last run completed"
            if self.projected
            else "no projector; clock stops at the last completion",
            f"tools of level 1 in a pool, claimed in Postgres, lease {_LEASE_S:.0f} s"
            if self.claimed
            else "tools of level 0 in the run processor",
            "flush.messages=1 on the journal"
            if self.flushed
            else "acknowledged from the page cache",
        ]


def _publish(settings: Settings) -> None:
    codec = Codec(LockRegistry())
    writer = Publisher(settings.producer_config(), codec)
    with DefinitionFollower(KafkaDefinitionLog(settings.kafka_config(), codec)) as store:
        said, now = defined.definitions(), datetime.now(UTC)
        publish(said, log=writer, store=store, author=Author("bench", now))
    writer.close()


def _flush_every_message(settings: Settings) -> None:
    entry = ConfigEntry("flush.messages", "1", incremental_operation=AlterConfigOpType.SET)
    journal = ConfigResource(ResourceType.TOPIC, topics.EVENTS, incremental_configs=[entry])
    admin = AdminClient({**settings.kafka_config(), "log_level": 0})
    for done in admin.incremental_alter_configs([journal]).values():
        done.result(20)


def variants() -> tuple[Runfold, ...]:
    """Return the ways in which Runfold is measured; the first is the one with everything on."""
    return (
        Runfold("runfold", "Runfold", scope=Scope.ALL),
        Runfold("runfold-unprojected", "Runfold without projector", projected=False),
        Runfold("runfold-claims", "Runfold, claimed tools", claimed=True),
        Runfold("runfold-fsync", "Runfold, journal flushed", flushed=True),
    )
