"""A log in memory with tenants that are sealed, and the tables that erasing looks at."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.contents.content import text as said
from runfold.events.records.commands import RunRequested
from runfold.events.sealing.sealing import Sealing
from runfold.infra.artifacts.memory import MemoryArtifacts
from runfold.infra.artifacts.sealed import SealedArtifacts
from runfold.infra.keys.memory import MemoryKeys
from runfold.infra.keys.ring import KeyRing
from runfold.producers.identity import uuid7
from runfold.producers.log.memory import MemoryLog
from runfold.surfaces.application.governing.definitions import Who, read_definitions
from runfold.surfaces.application.governing.erasing import Beside
from runfold.surfaces.application.governing.retaining import Kept, retain
from runfold.surfaces.application.governing.sealing import Keeping

START = datetime(2026, 3, 1, tzinfo=UTC)


class World:
    """A log, a key store, artifacts and a clock that is moved by hand."""

    def __init__(self) -> None:
        self.now, self.store = START, MemoryKeys()
        self.ring = KeyRing(self.store)
        self.codec = Codec(LockRegistry(), sealing=Sealing(self.ring, shows=True))
        self.log = MemoryLog(self.codec, [topic.name for topic in topics.TOPICS], 1)
        self.ring.follow(lambda: read_definitions(self.log).tenants, lambda: None)
        self.files = MemoryArtifacts()
        self.artifacts = SealedArtifacts(self.files, self.codec.sealing)
        self.rebuilt: list[str] = []
        who = Who("ann", "a test")
        self.keeping = Keeping(self.log, self.log, who, self.store, lambda: self.now)

    def beside(self, engine: Engine) -> Beside:
        return Beside(engine.connect, self.files, ["runs", "costs"], self._rebuild)

    def _rebuild(self, name: str) -> int:
        self.rebuilt.append(name)
        return 2

    def asks(self, goal: str, tenant: str = "acme", **more: Any) -> None:
        run_id = uuid7()
        request = RunRequested(
            run_id=run_id,
            tenant_id=tenant,
            user_id="me",
            agent="clerk",
            goal=said(goal),
            requested_at=START,
            **more,
        )
        self.log.publish(topics.REQUESTS, request, run_id)

    def goals(self) -> list[str]:
        found = (each.record for each in self.log.read(topics.REQUESTS))
        return [(each.goal.inline or b"?").decode() for each in found if _is_request(each)]


def _is_request(record: Any) -> bool:
    return isinstance(record, RunRequested)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def views() -> Iterator[Engine]:
    """The two tables that erasing looks at, in a database of the standard library."""
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        connection.execute(
            text(
                "CREATE TABLE runs (run_id, tenant_id, status, created_at, updated_at, "
                "data_classification)"
            )
        )
        connection.execute(text("CREATE TABLE tool_calls (run_id, risk_level)"))
    yield engine
    engine.dispose()


def lives(engine: Engine, run_id: str, status: str, since: datetime = START) -> None:
    row = {"run_id": run_id, "status": status, "at": since.isoformat()}
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO runs VALUES (:run_id, 'acme', :status, :at, :at, '')"), row
        )


def days(world: World, views: Engine, keep: list[str], count: int) -> None:
    """Retain daily."""
    for _ in range(count):
        with views.connect() as connection:
            list(retain(world.keeping, "acme", Kept.read(keep), connection, world.beside(views)))
        world.now += timedelta(days=1)
