"""The tables of delivery: pruned, watched, and what waits is tried when its run is replayed."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from runfold.events.topics import EVENTS
from runfold.infra.database.address import quoted
from runfold.processors.delivery import positions, tables
from runfold.processors.delivery.log import DeliveryLog
from runfold.processors.delivery.rows import Key, Notice, Outcome
from runfold.processors.delivery.upkeep.pruning import Keep, prune
from runfold.processors.delivery.webhooks import store
from runfold.processors.delivery.webhooks.watching import Sending, SendingWatch
from tests.delivery.rows import BEGAN, added, ended, tables_at, wanted
from tests.support.stack import wait_until

pytestmark = pytest.mark.integration
HOOK = Key("acme", "hook")


def notice(event: str) -> Notice:
    return Notice("acme", "ada", event, "acme", "r1", "failed", "It failed.", 0, BEGAN, BEGAN)


def test_what_ended_is_pruned_by_age_and_by_count_and_what_is_open_stays(
    database_url: str,
) -> None:
    with tables_at(database_url) as session:
        now = datetime.now(UTC)
        rows = added(session, *(wanted("r1", seq) for seq in range(1, 8)))
        ended(session, rows[0], at=now - timedelta(days=40), attempt=2)
        for row in rows[1:6]:
            ended(session, row, at=now, attempt=2)
        other = added(session, wanted("r2", 1, scope="other"))
        ended(session, other[0], at=now)
        added(session, notices=[notice("a"), notice("b")])
        session.execute("UPDATE runfold.notifications SET state = 'sent' WHERE event_id = 'a'")

        # Of age: the oldest delivery, and the notification, whose event is old.
        assert prune(session, Keep(timedelta(days=30), 100), now) == 2
        assert prune(session, Keep(timedelta(days=30), 3), now) == 2
        left = session.execute(
            "SELECT scope, seq, state FROM runfold.deliveries ORDER BY number"
        ).fetchall()
        assert [(each[0], each[1]) for each in left] == [
            ("acme", 4), ("acme", 5), ("acme", 6), ("acme", 7), ("other", 1),
        ]  # fmt: skip
        assert left[3][2] == "open"
        count = session.execute("SELECT count(*) FROM runfold.delivery_attempts").fetchone()
        assert count == (3,)
        assert session.execute("SELECT event_id FROM runfold.notifications").fetchall() == [("b",)]


def test_of_several_attempts_that_are_noted_at_once_the_last_one_holds(database_url: str) -> None:
    with tables_at(database_url) as session:
        rows = added(session, *(wanted(f"r{number}", 1) for number in range(50)))
        tried = [
            Outcome(row.number, state, attempt, due, 503, "", 1, BEGAN)
            for attempt, state, due in ((1, "open", BEGAN), (2, "open", BEGAN), (3, "failed", None))
            for row in rows
        ]
        store.note(session, tried)
        found = session.execute(
            "SELECT DISTINCT state, attempts, due_at FROM runfold.deliveries"
        ).fetchall()
        assert found == [("failed", 3, None)]
        count = session.execute("SELECT count(*) FROM runfold.delivery_attempts").fetchone()
        assert count == (150,)


def test_a_replay_has_tried_at_once_what_its_runs_wait_for(database_url: str) -> None:
    with tables_at(database_url) as session:
        later = datetime.now(UTC) + timedelta(hours=9)
        first, second, third = added(
            session, wanted("r1", 1), wanted("r1", 2), wanted("r2", 1)
        )  # fmt: skip
        for row in (first, third):
            ended(session, row, "open", due_at=later)
        assert store.hastened(session, [0]) == []
        count, runs = positions.add_again(session, EVENTS, [wanted("r1", 1), wanted("r1", 2)], 1)
        assert (count, runs) == (2, {"r1"})
        assert store.hastened(session, [0]) == [(HOOK, "r1", first.number)]
        log = DeliveryLog(database_url)
        waits = {row["number"]: row["waits_for"] for row in log.deliveries(HOOK, 10)}
        numbers = sorted(waits)
        assert [waits[each] for each in numbers] == [
            None, first.number, None, first.number, first.number,
        ]  # fmt: skip
        assert second.number in numbers
        found = log.receivers("acme")[HOOK]
        assert (found["replayed"], found["open"]) == (2, 5)
        assert found["oldest_open_at"] == BEGAN + timedelta(minutes=1)
        assert log.replayed("acme", 10) == 2
        assert log.replayed("acme", 1) == 1


def test_sending_that_stands_still_ends_the_process_and_what_waits_does_not(
    database_url: str,
) -> None:
    with tables_at(database_url) as session:
        later = datetime.now(UTC) + timedelta(hours=1)
        waiting, behind = added(session, wanted("r1", 1), wanted("r1", 2))
        ended(session, waiting, "open", due_at=later)
        assert store.first_due(session, [0], []) is None
        (due,) = added(session, wanted("r2", 1))
        assert store.first_due(session, [0], []) == due.number
        assert store.first_due(session, [0], [HOOK]) is None
        assert store.first_due(session, [1], []) is None
        assert behind.number < due.number

        said: list[str] = []
        attempts, moving = [0], threading.Event()

        def sending() -> Sending:
            if moving.is_set():
                attempts[0] += 1
            return Sending((0,), attempts[0], frozenset())

        looks: list[int] = []

        def counted() -> Sending:
            looks.append(1)
            return sending()

        moving.set()
        watch = SendingWatch(database_url, counted, 0.2, said.append)
        watch.start()
        wait_until(lambda: len(looks) > 20, 60)
        assert said == []
        moving.clear()
        watch.join(60)
        assert not watch.is_alive()
    (why,) = said
    assert why.startswith(f"sending stalled: delivery {due.number} is due")


def test_tables_of_an_earlier_release_get_the_column_and_answer_without_it(
    database_url: str,
) -> None:
    with tables_at(database_url) as session:
        store.note_secrets(session, {HOOK: ["webhook-2"]})
        log = DeliveryLog(database_url)
        assert log.receivers("acme")[HOOK]["missing_secrets"] == ["webhook-2"]
        store.note_secrets(session, {})
        assert log.receivers("acme")[HOOK]["missing_secrets"] == []
        table = f"{quoted('runfold')}.delivery_receivers"
        session.execute(f"ALTER TABLE {table} DROP COLUMN missing_secrets".encode())
        assert log.receivers("acme")[HOOK]["missing_secrets"] == []
        with pytest.raises(psycopg.errors.UndefinedColumn):
            store.note_secrets(session, {HOOK: ["webhook-2"]})
        tables.ensure(database_url)
        store.note_secrets(session, {HOOK: ["webhook-2"]})
        assert log.receivers("acme")[HOOK]["missing_secrets"] == ["webhook-2"]
