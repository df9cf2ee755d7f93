"""Tenants sealed, rewrapped, held, erased, retained and exported, on a log in memory."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.commands import RunRequested
from runfold.events.content import text as said
from runfold.events.definitions import TenantKeyMade
from runfold.events.sealing.sealing import Sealing
from runfold.events.values import DataClassification
from runfold.infra.artifacts.memory import MemoryArtifacts
from runfold.infra.artifacts.sealed import SealedArtifacts
from runfold.infra.keys.memory import MemoryKeys
from runfold.infra.keys.port import KeyLostError, KeyStoreDeniedError
from runfold.infra.keys.ring import KeyRing
from runfold.producers.identity import uuid7
from runfold.producers.log.memory import MemoryLog
from runfold.surfaces.application.errors import InvalidError, UnavailableError
from runfold.surfaces.application.governing import retaining
from runfold.surfaces.application.governing.definitions import Who, read_definitions
from runfold.surfaces.application.governing.erasing import Beside, erase, need_no_objection
from runfold.surfaces.application.governing.exporting import export
from runfold.surfaces.application.governing.retaining import Kept, retain
from runfold.surfaces.application.governing.sealing import Keeping
from runfold.surfaces.doctor.finding import Level
from runfold.surfaces.doctor.keys import look

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
        connection.execute(text("CREATE TABLE runs (run_id, tenant_id, status, created_at)"))
    yield engine
    engine.dispose()


def lives(engine: Engine, run_id: str, status: str, since: datetime = START) -> None:
    row = {"run_id": run_id, "status": status, "at": since.isoformat()}
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO runs VALUES (:run_id, 'acme', :status, :at)"), row)


def test_what_is_asked_for_after_the_key_is_sealed(world: World) -> None:
    world.asks("before")
    world.keeping.seal("acme")
    world.asks("after")

    values = [each.value or b"" for each in world.log.read(topics.REQUESTS)]
    assert [b"before" in values[0], b"after" in values[1]] == [True, False]
    assert world.goals() == ["before", "after"]


def test_what_was_erased_says_so_where_its_words_were(world: World) -> None:
    world.keeping.seal("acme")
    world.asks("after")
    world.keeping.erase("acme")

    assert world.goals() == ["(erased)"]


def test_every_data_key_is_wrapped_by_a_key_of_its_own(world: World) -> None:
    world.keeping.seal("acme")
    world.keeping.seal("acme")

    keys = world.keeping.known().keys_of("acme")
    assert [each.wrapped_by for each in keys] == ["1-acme", "2-acme"]


def test_a_wrapping_key_is_rotated_without_a_rewrite(world: World) -> None:
    world.keeping.seal("acme")
    world.asks("hello")
    before = [each.value for each in world.log.read(topics.REQUESTS)]
    wrapped = world.keeping.known().keys_of("acme")[0].wrapped

    assert world.keeping.rotate("acme") == 1
    assert world.keeping.known().keys_of("acme")[0].wrapped != wrapped
    assert [each.value for each in world.log.read(topics.REQUESTS)] == before
    world.ring = KeyRing(world.store)
    assert world.goals() == ["hello"]


def test_a_store_that_is_away_makes_no_key(world: World) -> None:
    world.store.away = True

    with pytest.raises(UnavailableError, match="No key was made"):
        world.keeping.seal("acme")
    assert world.keeping.known().sealed() == []


def test_a_held_tenant_is_neither_erased_nor_cleaned(world: World, views: Engine) -> None:
    world.keeping.seal("acme")
    world.keeping.hold("acme", held=True)

    with views.connect() as connection:
        with pytest.raises(InvalidError, match="held by ann since 2026-03-01"):
            need_no_objection(world.keeping, "acme", connection)
        with pytest.raises(InvalidError, match="held by ann"):
            list(
                retain(
                    world.keeping, "acme", Kept.read(["general=1"]), connection, world.beside(views)
                )
            )
        world.keeping.hold("acme", held=False)
        need_no_objection(world.keeping, "acme", connection)
    assert world.keeping.known().held() == []


@pytest.mark.parametrize("held", [True, False])
def test_a_hold_that_is_so_already_is_refused(world: World, held: bool) -> None:
    if held:
        world.keeping.hold("acme", held=True)

    with pytest.raises(InvalidError, match=r"held already|is not held"):
        world.keeping.hold("acme", held=held)


def test_live_runs_and_tenants_in_plain_are_no_case_for_erasure(
    world: World, views: Engine
) -> None:
    with views.connect() as connection:
        with pytest.raises(InvalidError, match="never sealed"):
            need_no_objection(world.keeping, "acme", connection)
        world.keeping.seal("acme")
        lives(views, "r1", "running_tool")
        lives(views, "r2", "completed")
        with pytest.raises(InvalidError, match=r"1 runs .* \(r1\): cancel them first"):
            need_no_objection(world.keeping, "acme", connection)


def test_after_an_erasure_nothing_opens_and_others_go_on(world: World, views: Engine) -> None:
    for tenant in ("acme", "umbrella"):
        world.keeping.seal(tenant)
        world.asks(f"of {tenant}", tenant)
        world.artifacts.put(b"kept", "text/plain", tenant)
    record = next(
        each.record
        for each in world.log.read(topics.REGISTRY)
        if isinstance(each.record, TenantKeyMade)
    )

    steps = list(erase(world.keeping, "acme", world.beside(views)))

    assert [step.what for step in steps] == ["keys", "artifacts", "claims", "views"]
    assert world.rebuilt == ["runs", "costs"]
    assert world.goals() == ["(erased)", "of umbrella"]
    assert [list(world.files.refs(tenant)) != [] for tenant in ("acme", "umbrella")] == [
        False,
        True,
    ]
    # A back-up holds the wrapped key still, and nobody can unwrap it.
    with pytest.raises(KeyLostError):
        world.store.unwrap(record.wrapped_by, record.wrapped)
    world.asks("anew")
    assert world.goals() == ["(erased)", "of umbrella", "anew"]
    dropped = [each.key for each in world.log.read(topics.REGISTRY) if each.value is None]
    assert dropped == [f"tenant-key/acme/{record.key_id}".encode()]


def test_what_the_store_does_not_destroy_is_said_and_done_by_the_next_erasure(
    world: World, views: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.keeping.seal("acme")
    with monkeypatch.context() as patch:
        patch.setattr(world.store, "destroy", _denied)
        first = next(erase(world.keeping, "acme", world.beside(views)))
    again = next(erase(world.keeping, "acme", world.beside(views)))

    assert (first.left, again.left) == ("not you", "")
    assert sorted(world.store._keys) == ["3-acme"]


def _denied(_name: str) -> None:
    raise KeyStoreDeniedError("not you")


def test_classes_have_keys_of_their_own(world: World) -> None:
    with pytest.raises(InvalidError, match="only some of its runs"):
        world.keeping.seal("acme", "restricted")
    world.keeping.seal("acme")
    restricted = world.keeping.seal("acme", "restricted")
    world.asks("secret", data_classification=DataClassification.RESTRICTED)
    world.asks("other")

    values = [each.value or b"" for each in world.log.read(topics.REQUESTS)]
    assert [restricted.encode() in value for value in values] == [True, False]
    assert world.goals() == ["secret", "other"]


def days(world: World, views: Engine, keep: list[str], count: int) -> None:
    """Retain daily."""
    for _ in range(count):
        with views.connect() as connection:
            list(retain(world.keeping, "acme", Kept.read(keep), connection, world.beside(views)))
        world.now += timedelta(days=1)


def test_contents_go_when_their_class_is_old_enough(world: World, views: Engine) -> None:
    world.keeping.seal("acme")
    days(world, views, ["general=90", "restricted=7"], 1)
    world.asks("secret", data_classification=DataClassification.RESTRICTED)
    world.asks("other")

    days(world, views, ["general=90", "restricted=7"], 6)
    assert world.goals() == ["secret", "other"]
    days(world, views, ["general=90", "restricted=7"], 4)
    assert world.goals() == ["(erased)", "other"]
    assert "runs" in world.rebuilt
    days(world, views, ["general=90", "restricted=7"], 100)
    assert world.goals() == ["(erased)", "(erased)"]


def test_a_run_that_has_not_ended_keeps_what_was_sealed_since(
    world: World, views: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retaining, "oldest_live_run", lambda _: START)
    world.keeping.seal("acme")
    world.asks("long")

    days(world, views, ["general=1"], 20)

    assert world.goals() == ["long"]


@pytest.mark.parametrize(
    "texts", [[], ["general"], ["general=0"], ["general=x"], ["top=1"], ["general=1"] * 2, ["=3"]]
)
def test_a_time_that_is_none_is_refused(texts: list[str]) -> None:
    if texts == ["=3"]:
        # Without a name it is the general key, as with it.
        assert Kept.read(texts).of == Kept.read(["general=3"]).of
        return
    with pytest.raises(InvalidError):
        Kept.read(texts)


def test_an_export_is_readable_listed_and_private(world: World, tmp_path: Path) -> None:
    world.keeping.seal("acme")
    world.asks("find the letter")
    world.asks("of another", "umbrella")
    world.artifacts.put(b"the letter", "text/plain", "acme")

    out = tmp_path / "out"
    export(world.log, world.artifacts, world.files.refs, "acme", out, START)

    manifest = json.loads((out / "manifest.json").read_text())
    (line,) = (out / f"{topics.REQUESTS}.jsonl").read_text().splitlines()
    assert json.loads(line)["record"]["goal"]["text"] == "find the letter"
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    for name, about in manifest["files"].items():
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == about["sha256"]
    (artifact,) = [name for name in manifest["files"] if name.startswith("artifacts/")]
    assert (out / artifact).read_bytes() == b"the letter"
    with pytest.raises(InvalidError, match="new or empty"):
        export(world.log, world.artifacts, world.files.refs, "acme", out, START)


def test_an_export_says_what_was_erased(world: World, views: Engine, tmp_path: Path) -> None:
    world.keeping.seal("acme")
    world.asks("find the letter")
    list(erase(world.keeping, "acme", world.beside(views)))

    found = export(world.log, world.artifacts, world.files.refs, "acme", tmp_path / "out", START)

    assert found.records[topics.REQUESTS] == 1
    assert "find the letter" not in (tmp_path / "out" / f"{topics.REQUESTS}.jsonl").read_text()


def test_the_doctor_names_lost_keys_and_a_store_that_is_away(world: World) -> None:
    assert [found.level for found in look(world.keeping.known(), None)] == [Level.OK]
    for tenant in ("acme", "umbrella"):
        world.keeping.seal(tenant)
    assert [found.level for found in look(world.keeping.known(), world.store)] == [Level.OK]

    world.store.destroy("1-acme")
    (lost,) = look(world.keeping.known(), world.store)
    assert (lost.level, "tenant acme is lost" in lost.what) == (Level.WRONG, True)
    world.store.away = True
    (away,) = look(world.keeping.known(), world.store)
    assert "does not answer" in away.what
    (unset,) = look(world.keeping.known(), None)
    assert "RUNFOLD_KEYS" in unset.what
