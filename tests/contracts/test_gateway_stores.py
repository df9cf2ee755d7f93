"""API keys, and requests that were made: in memory, and in Postgres by several at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runfold.infra.database import roles
from runfold.infra.database.connection import Session
from runfold.infra.gateway.api_key import ApiKey, digest_of, new_key
from runfold.infra.gateway.asked import (
    Again,
    Asked,
    AskedStore,
    Done,
    First,
    Lasting,
    MemoryAskedStore,
    Other,
    UnderWay,
)
from runfold.infra.gateway.key_store import Kept, KeyStore, MemoryKeyStore
from runfold.infra.gateway.postgres import PostgresAskedStore, PostgresKeyStore, Sessions
from runfold.infra.gateway.postgres_pushed import PostgresPushStore
from runfold.infra.gateway.pushed import MemoryPushStore, PushConfig, PushKey, PushStore
from runfold.projections import schema
from runfold.surfaces.backup import tables
from runfold.surfaces.backup.errors import NotEmptyError
from tests.projections.test_database import login
from tests.support import stack

NOW = datetime(2026, 12, 1, 10, tzinfo=UTC)
LASTING = Lasting(timedelta(seconds=60), timedelta(hours=24))
REQUEST = Asked("scope", "key", b"d" * 32)


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.integration)])
def keys(request: pytest.FixtureRequest) -> Iterator[KeyStore]:
    if request.param == "memory":
        yield MemoryKeyStore()
        return
    sessions = Sessions(request.getfixturevalue("database_url"))
    yield PostgresKeyStore(sessions)
    sessions.close()


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.integration)])
def asked(request: pytest.FixtureRequest) -> Iterator[AskedStore]:
    if request.param == "memory":
        yield MemoryAskedStore()
        return
    sessions = Sessions(request.getfixturevalue("database_url"))
    yield PostgresAskedStore(sessions)
    sessions.close()


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.integration)])
def pushed(request: pytest.FixtureRequest) -> Iterator[PushStore]:
    if request.param == "memory":
        yield MemoryPushStore()
        return
    sessions = Sessions(request.getfixturevalue("database_url"))
    yield PostgresPushStore(sessions)
    sessions.close()


def key(key_id: str, tenant: str = "acme", **more: Any) -> ApiKey:
    return ApiKey(key_id, "billing", tenant, "ada", ("clerk",), ("runs:read", "x"), NOW, **more)


def test_a_key_is_kept_as_it_was_made(keys: KeyStore) -> None:
    made = new_key()
    digest = digest_of(made, b"h" * 32)
    kept = key(made.key_id, expires_at=NOW + timedelta(days=1))
    keys.add(kept, digest)

    found = keys.get(made.key_id)
    assert found is not None
    assert (found.key, found.digest) == (kept, digest)
    assert made.secret.encode() not in digest
    assert keys.get("other") is None


def test_keys_are_listed_by_tenant_the_oldest_first(keys: KeyStore) -> None:
    keys.add(key("b"), b"1")
    keys.add(key("a"), b"2")
    keys.add(key("c", "umbrella"), b"3")

    assert [each.key_id for each in keys.all()] == ["a", "b", "c"]
    assert [each.key_id for each in keys.all("umbrella")] == ["c"]


def test_a_key_is_revoked_once(keys: KeyStore) -> None:
    keys.add(key("a"), b"1")

    assert keys.revoke("a", NOW)
    assert not keys.revoke("a", NOW + timedelta(hours=1))
    assert not keys.revoke("b", NOW)
    assert keys.all()[0].revoked_at == NOW


def test_a_key_is_rotated_once_and_ends_no_later_than_it_would_have(keys: KeyStore) -> None:
    keys.add(key("a", expires_at=NOW + timedelta(hours=1)), b"1")

    assert keys.rotate("a", NOW + timedelta(days=1), key("b"), b"2")
    assert not keys.rotate("a", NOW + timedelta(days=1), key("c"), b"3")
    old, new = keys.all()
    assert (old.rotated_to, old.expires_at) == ("b", NOW + timedelta(hours=1))
    assert (new.key_id, new.expires_at) == ("b", None)
    assert keys.get("c") is None


def test_it_is_known_when_a_key_was_used_last(keys: KeyStore) -> None:
    keys.add(key("a"), b"1")
    keys.used(["a", "unknown"], NOW)
    keys.refused(["a", "unknown"], NOW + timedelta(minutes=1))
    found = keys.get("a")
    assert found is not None
    assert found.key.last_used_at == NOW
    assert found.key.last_refused_at == NOW + timedelta(minutes=1)


def test_a_request_is_the_firsts_until_it_is_done(asked: AskedStore) -> None:
    assert asked.begin(REQUEST, "run-1", NOW, LASTING) == First("run-1")
    assert asked.begin(REQUEST, "run-2", NOW, LASTING) == UnderWay("run-1")
    asked.done(REQUEST)
    assert asked.begin(REQUEST, "run-3", NOW, LASTING) == Done("run-1")
    other = REQUEST._replace(digest=b"e" * 32)
    assert asked.begin(other, "run-4", NOW, LASTING) == Other("run-1")
    elsewhere = REQUEST._replace(scope="of somebody else")
    assert asked.begin(elsewhere, "run-5", NOW, LASTING) == First("run-5")


def test_a_request_whose_maker_died_is_made_again(asked: AskedStore) -> None:
    asked.begin(REQUEST, "run-1", NOW, LASTING)
    later = NOW + timedelta(seconds=61)
    assert asked.begin(REQUEST, "run-2", later, LASTING) == Again("run-1")
    assert asked.begin(REQUEST, "run-3", later, LASTING) == UnderWay("run-1")


def test_a_request_is_given_back(asked: AskedStore) -> None:
    asked.begin(REQUEST, "run-1", NOW, LASTING)
    asked.undone(REQUEST, arrived=True)
    assert asked.begin(REQUEST, "run-2", NOW, LASTING) == Again("run-1")
    asked.undone(REQUEST, arrived=False)
    assert asked.begin(REQUEST, "run-3", NOW, LASTING) == First("run-3")


def test_a_request_is_forgotten_in_time(asked: AskedStore) -> None:
    asked.begin(REQUEST, "run-1", NOW, LASTING)
    asked.done(REQUEST)
    late = NOW + timedelta(hours=25)
    other = REQUEST._replace(digest=b"e" * 32)
    assert asked.begin(other, "run-2", late, LASTING) == First("run-2")
    assert asked.forget(late) == 0
    assert asked.forget(late + timedelta(hours=25)) == 1


def test_of_many_at_once_one_is_the_first(asked: AskedStore) -> None:
    said: list[Any] = []
    gate = threading.Barrier(8)

    def ask(number: int) -> None:
        gate.wait()
        said.append(asked.begin(REQUEST, f"run-{number}", NOW, LASTING))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    (first,) = [each for each in said if isinstance(each, First)]
    assert {type(each) for each in said} == {First, UnderWay}
    assert {each.run_id for each in said} == {first.run_id}


def told(config_id: str, **more: Any) -> PushConfig:
    place = PushKey("acme", "run-1", config_id)
    return PushConfig(place, "ada", "worker", "https://hooks.example/x", NOW, **more)


def test_who_is_told_is_kept_as_it_was_said(pushed: PushStore) -> None:
    one = told("b", token="t", scheme="Bearer", credentials="c")
    pushed.put(one)
    pushed.put(told("a"))
    assert pushed.of("acme", "run-1") == [told("a"), one]
    assert pushed.of("umbrella", "run-1") == []
    pushed.put(told("b", token="other"))
    assert pushed.of("acme", "run-1")[1] == told("b", token="other")
    assert pushed.delete(one.key)
    assert not pushed.delete(one.key)


def test_who_is_told_is_one_owners_for_a_while(pushed: PushStore) -> None:
    for name in ("a", "b"):
        pushed.put(told(name))
    until = NOW + timedelta(seconds=60)
    (mine,) = pushed.take("me", NOW, until, 1)
    (other,) = pushed.take("you", NOW, until, 9)
    assert {mine.key.config_id, other.key.config_id} == {"a", "b"}
    assert pushed.take("third", NOW, until, 9) == []
    assert pushed.told("me", mine.key, 5)
    assert pushed.told("me", mine.key, 3)
    assert not pushed.told("me", other.key, 5)
    assert pushed.keep("me", (mine.key, other.key), until + timedelta(seconds=60)) == {mine.key}
    (again,) = pushed.take("third", until, until + timedelta(seconds=60), 9)
    assert again == other
    pushed.put(told(mine.key.config_id, token="new"))
    found = next(each for each in pushed.of("acme", "run-1") if each.key == mine.key)
    assert (found.seq, found.token) == (5, "new")


def test_the_credential_that_somebody_is_told_by_is_that_of_the_last_setting(
    pushed: PushStore,
) -> None:
    until = NOW + timedelta(minutes=5)
    pushed.put(told("a", key_id="abc"))
    assert pushed.of("acme", "run-1") == [told("a", key_id="abc")]
    pushed.put(told("a", key_id="corp/ada", until=until))
    (found,) = pushed.take("me", NOW, until, 9)
    assert (found.key_id, found.until) == ("corp/ada", until)


def test_who_is_left_waits_behind_those_who_wait(pushed: PushStore) -> None:
    for name in "abc":
        pushed.put(told(name))
    assert (pushed.waiting(NOW, 9), pushed.waiting(NOW, 2)) == (3, 2)
    until, later = NOW + timedelta(seconds=60), NOW + timedelta(seconds=1)
    (first,) = pushed.take("me", NOW, until, 1)
    pushed.leave("you", [first.key], later)
    assert pushed.waiting(later, 9) == 2
    pushed.leave("me", [first.key], later)
    assert pushed.waiting(later, 9) == 3
    others = {each.key for each in pushed.take("me", later, until, 2)}
    assert first.key not in others
    assert [each.key for each in pushed.take("me", later, until, 9)] == [first.key]
    assert pushed.keep("me", [*others, first.key], until) == {*others, first.key}
    pushed.ended(first.key, later, "the key is revoked")
    assert pushed.keep("me", [*others, first.key], until) == others
    assert (pushed.under_way("acme"), pushed.under_way("umbrella")) == (2, 0)
    pushed.put(told(first.key.config_id))
    assert pushed.under_way("acme") == 3


def test_what_has_ended_is_told_no_more_and_forgotten(pushed: PushStore) -> None:
    pushed.put(told("a"))
    pushed.ended(told("a").key, NOW)
    assert pushed.take("me", NOW, NOW, 9) == []
    assert pushed.forget(NOW) == 0
    assert pushed.forget(NOW + timedelta(seconds=1)) == 1
    assert pushed.of("acme", "run-1") == []


@pytest.mark.integration
def test_who_reads_the_views_reads_no_keys(database_url: str) -> None:
    schema.ensure(database_url)
    sessions = Sessions(database_url)
    store = PostgresKeyStore(sessions)
    store.add(key("a"), b"1")
    sessions.close()
    # Grants are made again whenever tables are.
    with Session.to(database_url) as connection, connection.transaction():
        connection.execute("SET LOCAL search_path = runfold")
        assert roles.grant(connection, "runfold")
    with Session.to(database_url) as connection:
        for name in ("runfold_read", "runfold_projector", "runfold_tools"):
            for table in roles.GATEWAY_TABLES:
                row = connection.execute(
                    "SELECT has_table_privilege(%s, %s, 'SELECT')", (name, f"runfold.{table}")
                ).fetchone()
                assert row == (False,), (name, table)


@pytest.mark.integration
def test_a_table_of_an_earlier_release_serves_whoever_may_not_change_it(database_url: str) -> None:
    sessions = Sessions(database_url)
    PostgresKeyStore(sessions).add(key("a"), b"1")
    sessions.close()
    with Session.to(database_url) as connection:
        connection.execute("ALTER TABLE runfold.api_keys DROP COLUMN last_refused_at")
        connection.commit()
    with login(database_url, "runfold_gateway") as member:
        lesser = Sessions(member)
        store = PostgresKeyStore(lesser)
        store.refused(["a"], NOW)
        store.used(["a"], NOW)
        (found,) = store.all()
        lesser.close()
    assert (found.last_used_at, found.last_refused_at) == (NOW, None)
    owners = Sessions(database_url)
    PostgresKeyStore(owners).refused(["a"], NOW)
    assert PostgresKeyStore(owners).all()[0].last_refused_at == NOW
    owners.close()


@pytest.mark.integration
def test_keys_and_requests_come_back_from_a_back_up(
    database_url: str, servers: stack.Servers, tmp_path: Path
) -> None:
    sessions = Sessions(database_url)
    store, asked = PostgresKeyStore(sessions), PostgresAskedStore(sessions)
    digest = digest_of(new_key(), b"h" * 32)
    store.add(key("a", expires_at=NOW + timedelta(days=1)), digest)
    store.add(key("b", "umbrella"), b"2")
    store.revoke("b", NOW)
    asked.begin(REQUEST, "run-1", NOW, LASTING)
    asked.done(REQUEST)
    kept = store.all()
    sessions.close()
    said = tables.save(database_url, tmp_path)
    assert {(each.name, each.rows) for each in said} == {("api_keys", 2), ("asked_requests", 1)}
    with stack.fresh_database(servers.database_url) as url:
        tables.need_empty(url)
        tables.load(url, tmp_path, said, {}, datetime.now(UTC))
        sessions = Sessions(url)
        found = PostgresKeyStore(sessions)
        assert found.all() == kept
        assert found.get("a") == Kept(kept[0], digest)
        # Whether its run is in the back-up nobody knows: the same run is asked for again.
        assert PostgresAskedStore(sessions).begin(REQUEST, "run-2", NOW, LASTING) == Again("run-1")
        sessions.close()
        with pytest.raises(NotEmptyError, match="api_keys"):
            tables.need_empty(url)
