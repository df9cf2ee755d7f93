"""Tenants sealed, rewrapped, held, erased, retained and exported, on a log in memory."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from runfold.events import topics
from runfold.events.definitions import TenantKeyMade
from runfold.events.definitions.tenancy.tenants import KeptOfTenants, TenantMemory
from runfold.events.sealing.form import key_name
from runfold.events.sealing.sealing import Sealing
from runfold.events.values import DataClassification
from runfold.infra.keys.port import KeyLostError, KeyStoreDeniedError
from runfold.infra.keys.ring import KeyRing
from runfold.surfaces.application.errors import InvalidError, UnavailableError
from runfold.surfaces.application.governing import retaining
from runfold.surfaces.application.governing.definitions import read_definitions
from runfold.surfaces.application.governing.erasing import erase, need_no_objection
from runfold.surfaces.application.governing.retaining import Kept, retain
from runfold.surfaces.application.governing.sealing import Keeping, superseded
from runfold.surfaces.doctor.finding import Level
from runfold.surfaces.doctor.keys import look
from tests.surfaces.kept import START, World, days, lives, views, world

__all__ = ["views", "world"]


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

    with views.connect() as connection:
        # As Postgres has it; the library's database has none.
        made: Any = connection.connection.driver_connection
        made.create_function("to_regclass", 1, lambda name: name if "push" in name else None)
        connection.execute(text("CREATE TABLE push_configs (tenant_id text, token text)"))
        rows = "INSERT INTO push_configs VALUES ('acme', 'a'), ('acme', 'b'), ('umbrella', 'c')"
        connection.execute(text(rows))
        connection.execute(text("CREATE TABLE push_browsers (tenant_id text, endpoint text)"))
        rows = "INSERT INTO push_browsers VALUES ('acme', 'https://a'), ('umbrella', 'https://b')"
        connection.execute(text(rows))
        connection.commit()

    steps = list(erase(world.keeping, "acme", world.beside(views)))

    whats = [step.what for step in steps]
    assert whats == ["keys", "artifacts", "claims", "pushes", "browsers", "views"]
    with views.connect() as connection:
        left = connection.execute(text("SELECT tenant_id, token FROM push_configs")).all()
        assert [tuple(each) for each in left] == [("umbrella", "c")]
        left = connection.execute(text("SELECT tenant_id, endpoint FROM push_browsers")).all()
        assert [tuple(each) for each in left] == [("umbrella", "https://b")]
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


def test_what_the_store_did_not_destroy_is_destroyed_by_the_next_retention(
    world: World, views: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.keeping.seal("acme")
    with monkeypatch.context() as patch:
        patch.setattr(world.store, "destroy", _denied)
        days(world, views, ["general=90"], 101)
        with views.connect() as connection:
            kept = Kept.read(["general=90"])
            steps = list(retain(world.keeping, "acme", kept, connection, world.beside(views)))
        # Nothing else is old enough on this day: what is left is said all the same.
        assert [step.left for step in steps if step.left] == ["not you"]
    assert "1-acme" in world.store._keys
    days(world, views, ["general=90"], 1)
    assert "1-acme" not in world.store._keys


def test_a_key_that_wraps_two_is_kept_until_neither_is_in_use(
    world: World, views: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two processes make the first key at one moment: both see that there is none.
    with monkeypatch.context() as patch:
        known = world.keeping.known()
        patch.setattr(Keeping, "known", lambda _: known)
        for _ in range(2):
            world.keeping.seal("acme")
    world.asks("hello")
    old = world.keeping.known().keys_of("acme")[0]

    done = world.keeping.retire("acme", {"": START + timedelta(days=1)})

    assert (done.keys, done.left) == (
        (key_name(old.id),), "1-acme still wraps a data key that is in use.",
    )  # fmt: skip
    world.ring = KeyRing(world.store)
    world.ring.follow(lambda: read_definitions(world.log).tenants, lambda: None)
    world.codec.sealing = Sealing(world.ring, shows=True)
    assert world.goals() == ["hello"]
    assert next(erase(world.keeping, "acme", world.beside(views))).left == ""
    assert list(world.store._keys) == ["2-acme"]


def test_a_hold_that_comes_while_somebody_erases_is_kept(world: World, views: Engine) -> None:
    world.keeping.seal("acme")
    world.asks("evidence")
    with views.connect() as connection:
        need_no_objection(world.keeping, "acme", connection)
    world.keeping.hold("acme", held=True)

    with pytest.raises(InvalidError, match="held by ann"):
        list(erase(world.keeping, "acme", world.beside(views)))
    with pytest.raises(InvalidError, match="held by ann"):
        world.keeping.retire("acme", {"": START + timedelta(days=1)})
    assert world.goals() == ["evidence"]


def _compacted(world: World, upto: int) -> KeptOfTenants:
    """What is known where compaction has left the last record of each key, of the first ones."""
    last: dict[bytes | None, tuple[int, Any]] = {}
    for each in list(world.log.read(topics.REGISTRY))[:upto]:
        last[each.key] = each.place.offset, each.record
    memory = TenantMemory()
    for offset, record in sorted(last.values(), key=lambda found: found[0]):
        assert memory.keep(record, offset) == ""
    return KeptOfTenants(memory, upto)


@pytest.mark.parametrize("published", [2, 3, 4])
def test_a_rewrap_makes_no_key_younger_and_no_other_the_newest(
    world: World, published: int
) -> None:
    """``published``: so many records are there, as where the rewrap ended in the middle."""
    world.keeping.seal("acme")
    world.now += timedelta(days=30)
    newest = world.keeping.seal("acme")
    before = superseded(_compacted(world, 2), "acme")
    world.now += timedelta(days=30)
    world.keeping.rotate("acme")

    known = _compacted(world, published)
    key = known.sealing_key("acme")
    assert key is not None
    assert key_name(key.id) == newest
    found = superseded(known, "acme")
    assert [(each.id, each.made_at, at) for each, at in found] == [
        (each.id, each.made_at, at) for each, at in before
    ]


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
    "texts",
    [
        [],
        ["general"],
        ["general=0"],
        ["general=x"],
        ["top=1"],
        ["general=1"] * 2,
        ["general=000000001999999999999"],
        ["general=" + "9" * 5000],
        ["general=\u0663"],
        ["=3"],
    ],
)
def test_a_time_that_is_none_is_refused(texts: list[str]) -> None:
    if texts == ["=3"]:
        # Without a name it is the general key, as with it.
        assert Kept.read(texts).of == Kept.read(["general=3"]).of
        return
    with pytest.raises(InvalidError):
        Kept.read(texts)


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
