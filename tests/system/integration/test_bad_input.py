"""Bad input on the real stack: set aside or refused on record, and nothing stops."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from runfold.events import topics
from runfold.events.base import Record
from runfold.events.contents.content import text
from runfold.events.records import commands
from runfold.events.records.operations import DeadLetter
from runfold.events.run import RequestIgnored, RunRefused
from runfold.producers.identity import uuid7
from tests.system import oracle
from tests.system.crash.agent import CODEC, TENANT, request
from tests.system.crash.poison import POISONED, poisons
from tests.system.crash.product import Product
from tests.system.integration.seen import dead_letters, facts_of, the_letter

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

CODES = {
    "malformed": {"not_framed"},
    "empty": {"not_framed"},
    "without a value": {"empty", "not_framed"},
    "truncated": {"truncated", "wrong_topic"},
    "of an unknown schema": {"unknown_schema"},
    "oversized": {"oversized", "unknown_schema"},
    "under another key": {"key_mismatch"},
    "under a key that is no text": {"key_mismatch"},
    "of another topic": {"wrong_topic"},
}
EVERY = [(topic, kind) for topic in POISONED for kind, _, _ in poisons(topic)]


def set_aside(running: Product, topic: str, record: Record, key: str) -> DeadLetter:
    """Publish a sound record that cannot be accepted; its dead letter."""
    value = CODEC.encode(topic, record)
    _, letter = the_letter(
        running, lambda places: running.person.poison(topic, key.encode(), value, places)
    )
    assert letter.value == value
    return letter


def control(kind: type[commands.Control], run_id: str, **said: object) -> commands.Control:
    given = {
        "request_id": uuid7(),
        "run_id": run_id,
        "tenant_id": TENANT,
        "actor_id": "somebody",
        "requested_at": datetime.now(UTC),
    }
    return kind.model_validate(given | said)


def completed(running: Product) -> str:
    """Ask for one run and wait for its end."""
    running.ask_for(1)
    running.wait_for_ends()
    return max(running.wanted)


@pytest.fixture(scope="module")
def places(running: Product) -> dict[tuple[str, str], oracle.Place]:
    """Where one record of every kind stands on every input topic; all are set aside."""
    found = {}
    for topic, kind in EVERY:
        there: set[oracle.Place] = set()
        running.person.poison(topic, *record_of(topic, kind), there)
        running.person.flush()
        (found[topic, kind],) = there
    running.poison.update(found.values())
    running.wait_until(lambda: running.poison <= dead_letters(running).keys(), "all are set aside")
    return found


def record_of(topic: str, kind: str) -> tuple[bytes, bytes | None]:
    return next((key, value) for name, key, value in poisons(topic) if name == kind)


@pytest.mark.parametrize(("topic", "kind"), EVERY)
def test_what_cannot_be_read_is_set_aside_once(
    running: Product, places: dict[tuple[str, str], oracle.Place], topic: str, kind: str
) -> None:
    key, value = record_of(topic, kind)
    (letter,) = dead_letters(running)[places[topic, kind]]
    assert letter.code in CODES[kind]
    assert letter.reason.strip()
    assert letter.value == value
    assert letter.size == len(value or b"")
    assert letter.key == key


def test_the_partitions_go_on_and_nothing_is_found_again(
    running: Product, places: dict[tuple[str, str], oracle.Place]
) -> None:
    running.ask_for(4)
    running.wait_for_ends()
    before = dead_letters(running)
    assert before.keys() >= set(places.values())
    for name in ("runs", "tools"):
        running.processes[name].kill()
    running.ask_for(4)
    running.wait_for_ends()
    assert dead_letters(running) == before
    assert all(len(found) == 1 for found in before.values())


def test_an_unknown_agent_is_refused_on_record(running: Product) -> None:
    refusal = refused(running, request(agent="nobody"))
    assert refusal.code == "unknown_agent"
    assert refusal.reason == 'runfold:unknown_agent {"agent":"nobody"}'
    assert refusal.exit.exit_code == 2


def test_a_goal_that_is_too_large_is_refused_on_record(running: Product) -> None:
    refusal = refused(running, request("x" * 100_001))
    assert refusal.code == "goal_too_large"
    assert refusal.request.goal.inline is None
    assert refusal.request.goal.size == 100_001


def refused(running: Product, asked: commands.RunRequested) -> RunRefused:
    running.wanted.add(asked.run_id)
    running.person.send(topics.REQUESTS, asked, asked.run_id)
    running.wait_for_ends()
    (refusal,) = facts_of(running, asked.run_id, RunRefused)
    return refusal


@pytest.mark.parametrize(
    ("run_id", "code"),
    [
        (uuid7(datetime.now(UTC) - timedelta(hours=2)), "stale_request"),
        (uuid7(datetime.now(UTC) + timedelta(hours=2)), "invalid_run_id"),
        ("0f2e9c1e-7c4e-4b7e-9d63-0f9c6c1b6a11", "invalid_run_id"),
        ("no id at all", "invalid_run_id"),
        (uuid7().upper(), "invalid_run_id"),
    ],
    ids=["stale", "of the future", "version 4", "no UUID", "upper case"],
)
def test_a_run_id_that_cannot_be_trusted_is_set_aside(
    running: Product, run_id: str, code: str
) -> None:
    letter = set_aside(running, topics.REQUESTS, request(run_id=run_id), run_id)
    assert letter.code == code
    assert letter.reason


def test_a_control_for_an_ended_run_is_set_aside(running: Product) -> None:
    late = control(commands.CancelRun, completed(running), reason="too late")
    letter = set_aside(running, topics.CONTROLS, late, late.run_id)
    assert letter.code == "run_not_live"


def test_a_control_for_a_run_that_never_was_is_set_aside(running: Product) -> None:
    lost = control(commands.PauseRun, uuid7())
    assert set_aside(running, topics.CONTROLS, lost, lost.run_id).code == "run_not_live"


def test_a_control_that_does_not_apply_is_ignored_on_record(running: Product) -> None:
    asked = request()
    running.wanted.add(asked.run_id)
    odd = [
        control(commands.ResumeRun, asked.run_id),
        control(commands.ApproveToolCall, asked.run_id, call_id=f"{asked.run_id}.99"),
        control(commands.AnswerQuestion, asked.run_id, question_id="none", content=text("yes")),
        control(commands.PauseRun, asked.run_id, tenant_id="another"),
    ]
    running.person.send(topics.REQUESTS, asked, asked.run_id)
    running.wait_until(lambda: bool(events_exist(running, asked.run_id)), "the run is there")
    for one in odd:
        running.person.send(topics.CONTROLS, one, asked.run_id)
    running.wait_for_ends()
    ignored = facts_of(running, asked.run_id, RequestIgnored)
    assert {fact.request_id for fact in ignored} == {one.request_id for one in odd}
    assert all(fact.reason for fact in ignored)


def events_exist(running: Product, run_id: str) -> bool:
    raws = oracle.read_topic(running.settings, topics.EVENTS)
    return any(raw.key == run_id.encode() for raw in raws)


def test_in_the_end_every_guarantee_holds(running: Product) -> None:
    assert running.judge() == []
