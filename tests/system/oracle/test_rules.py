"""Each rule is seen to fail on a history that was broken on purpose, and on that one only."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from runfold.events import run as j
from runfold.events import topics
from runfold.events.base import Fact, Record
from runfold.events.calls import Outcome
from runfold.events.records.operations import DeadLetter
from runfold.events.run import Event, Meta
from tests.deciders.given import RUN, came_back, request
from tests.spec import START
from tests.support.builders.stories import STORIES, approval, written_history
from tests.system.oracle import Place, Raw, Row, Seen, Tables, violations
from tests.system.oracle.histories import CODEC, histories
from tests.system.oracle.rules import RULES

Break = Callable[[Seen], Seen]
POISON = Place(topics.CONTROLS, 1, 5)


def raw(topic: str, offset: int, value: bytes, key: str = RUN) -> Raw:
    return Raw(Place(topic, 2, offset), key.encode(), value)


def letter(
    place: Place = POISON,
    reason: str = "no record",
    value: bytes = b"abc",
    code: str = "not_framed",
) -> bytes:
    said = DeadLetter(
        topic=place.topic,
        partition=place.partition,
        offset=place.offset,
        time=START,
        code=code,
        reason=reason,
        size=len(value),
        value=value,
    )
    return CODEC.encode(topics.DEAD_LETTERS, said)


def set_aside_late(topic: str, record: Record) -> Break:
    """A sound input was set aside because its run had ended."""
    place = Place(topic, 2, 77)
    said = letter(place, "too late", CODEC.encode(topic, record), "run_not_live")

    def change(seen: Seen) -> Seen:
        dead_letters = (*seen.dead_letters, raw(topics.DEAD_LETTERS, 1, said))
        dead = frozenset({POISON, place})
        return replace(seen, dead_letters=dead_letters, tables=replace(seen.tables, dead=dead))  # type: ignore[type-var]

    return change


def consistent(story: str = "is begun", tool: str = "write") -> Seen:
    """What a faultless system leaves behind after a story."""
    written, _ = written_history(STORIES[story])
    asked = CODEC.encode(topics.REQUESTS, request())
    last = written[-1][1]
    hashes = tuple(hashlib.sha256(value).hexdigest() for value, _ in written)
    key = next(e.fact.idempotency_key for _, e in written if isinstance(e.fact, j.ToolCallProposed))
    return Seen(
        requests=(raw(topics.REQUESTS, 0, asked),),
        events=tuple(raw(topics.EVENTS, n, value) for n, (value, _) in enumerate(written)),
        completions=(raw(topics.COMPLETIONS, 0, CODEC.encode_completion(last.meta, last.fact)),),
        dead_letters=(raw(topics.DEAD_LETTERS, 0, letter()),),
        tool=tool,
        ledger=(key,),
        poison=frozenset({POISON}),
        tables=Tables(
            runs={RUN: Row(last.meta.status.value, len(written), hashes, chain_ok=True)},
            positions={2: len(written)},
            dead=frozenset({POISON}),
        ),
        ends={2: len(written)},
    )


def rewritten(seen: Seen, change: Callable[[list[Event]], None]) -> Seen:
    """The same with another history, chained and shown as if it had been so from the start."""
    events = [entry.event for entry in histories(seen).runs[RUN]]
    change(events)
    values, digest = list[bytes](), j.GENESIS
    for number, event in enumerate(events, 1):
        meta = event.meta.model_copy(update={"seq": number, "prev_hash": digest})
        values.append(CODEC.encode_event(meta, event.fact))
        digest = hashlib.sha256(values[-1]).digest()
    assert seen.tables is not None
    hashes = tuple(hashlib.sha256(value).hexdigest() for value in values)
    row = seen.tables.runs[RUN]._replace(seq=len(values), hashes=hashes)
    end = next(n for n, event in enumerate(events) if isinstance(event.fact, j.RunCompleted))
    final = CODEC.decode(topics.EVENTS, values[end])
    assert isinstance(final, Event)
    announced = (raw(topics.COMPLETIONS, 0, CODEC.encode_completion(final.meta, final.fact)),)
    return replace(
        seen,
        events=tuple(raw(topics.EVENTS, n, value) for n, value in enumerate(values)),
        completions=announced,
        tables=replace(seen.tables, runs={RUN: row}),
    )


def index(events: list[Event], kind: type[Fact]) -> int:
    return next(n for n, event in enumerate(events) if isinstance(event.fact, kind))


def without(kind: type[Fact]) -> Break:
    def change(events: list[Event]) -> None:
        del events[index(events, kind)]

    return lambda seen: rewritten(seen, change)


def altered(kind: type[Fact], **fields: object) -> Break:
    def change(events: list[Event]) -> None:
        at = index(events, kind)
        events[at] = Event(events[at].meta, events[at].fact.model_copy(update=fields))

    return lambda seen: rewritten(seen, change)


def caused_by(attempt: int, outcome: Outcome = Outcome.SUCCEEDED) -> Break:
    """The call's success names a result on the log as its cause."""
    result = CODEC.encode(topics.RESULTS, came_back(2, attempt=attempt, outcome=outcome))

    def change(events: list[Event]) -> None:
        at = index(events, j.ToolCallSucceeded)
        meta = events[at].meta.model_copy(update={"cause": f"{topics.RESULTS}/2/7"})
        events[at] = Event(meta, events[at].fact)

    return lambda seen: replace(rewritten(seen, change), results=(raw(topics.RESULTS, 7, result),))


def twice(kind: type[Fact], after: type[Fact] | None = None) -> Break:
    def change(events: list[Event]) -> None:
        at = index(events, kind)
        events.insert(index(events, after or kind) + 1, events[at])

    return lambda seen: rewritten(seen, change)


def tables(**changes: object) -> Break:
    return lambda seen: replace(seen, tables=replace(seen.tables, **changes))  # type: ignore[type-var]


def row(**changes: object) -> Break:
    def change(seen: Seen) -> Seen:
        assert seen.tables is not None
        old = seen.tables.runs[RUN]
        return replace(seen, tables=replace(seen.tables, runs={RUN: old._replace(**changes)}))  # type: ignore[arg-type]

    return change


def forged_byte(seen: Seen) -> Seen:
    """One event's time is altered in place; nothing is chained again."""
    events = list(seen.events)
    entry = histories(seen).runs[RUN][3]
    meta: Meta = entry.event.meta.model_copy(update={"time": START.replace(year=2020)})
    events[3] = replace(events[3], value=CODEC.encode_event(meta, entry.event.fact))
    return replace(seen, events=tuple(events))


def foreign(seen: Seen) -> Seen:
    """The request of the run is gone."""
    return replace(seen, requests=())


def elsewhere(seen: Seen) -> Seen:
    """One event stands on another partition."""
    events = list(seen.events)
    events[4] = replace(events[4], place=Place(topics.EVENTS, 3, 0))
    return replace(seen, events=tuple(events))


def dropped(n: int) -> Break:
    """One record of the journal is not there."""
    return lambda seen: replace(seen, events=seen.events[:n] + seen.events[n + 1 :])


def keep(seen: Seen, **fields: object) -> Seen:
    return replace(seen, **fields)  # type: ignore[arg-type]


def doubted(*, before: int = 0, after: int = 0) -> Break:
    """The success of the call is told among doubts about the same attempt."""

    def change(events: list[Event]) -> None:
        at = index(events, j.ToolCallSucceeded)
        meta, fact = events[at].meta, events[at].fact
        assert isinstance(fact, j.ToolCallSucceeded)
        doubt = j.ToolCallUncertain(
            call_id=fact.call_id, attempt=fact.attempt, tool=fact.tool, reason="died", latency_ms=1
        )
        doubts = [Event(meta, doubt)]
        events[at : at + 1] = [*before * doubts, events[at], *after * doubts]

    return lambda seen: rewritten(seen, change)


BROKEN: list[tuple[str, Break]] = [
    ("everything_can_be_read", lambda s: keep(s, events=(*s.events, raw("e", 99, b"rubbish")))),
    ("seq_counts_without_a_gap", dropped(5)),
    ("the_chain_is_intact", forged_byte),
    ("every_request_ends_once", lambda s: keep(s, events=s.events[:-1])),
    ("every_request_ends_once", twice(j.RunCompleted)),
    ("every_request_ends_once", twice(j.RunStarted, after=j.RunCompleted)),
    ("every_request_ends_once", lambda s: keep(s, events=(), completions=())),
    ("every_end_is_announced_once", lambda s: keep(s, completions=())),
    ("every_end_is_announced_once", lambda s: keep(s, completions=2 * s.completions)),
    ("every_end_is_announced_once", lambda s: keep(s, events=s.events[:-1])),
    ("nobody_else_runs", foreign),
    ("a_run_stays_on_its_partition", elsewhere),
    ("no_start_without_permit_and_approval", without(j.PolicyDecided)),
    ("no_start_without_permit_and_approval", without(j.ToolCallApproved)),
    ("no_start_without_permit_and_approval", altered(j.ToolCallApproved, request_id=None)),
    ("no_start_without_permit_and_approval", altered(j.PolicyDecided, call_id=f"{RUN}.9")),
    (
        "no_start_without_permit_and_approval",
        altered(j.PolicyDecided, effect=j.PolicyEffect.FORBID),
    ),
    ("one_outcome_an_attempt", twice(j.ToolCallSucceeded)),
    ("one_outcome_an_attempt", without(j.ToolCallStarted)),
    ("one_outcome_an_attempt", doubted(before=2)),
    ("one_outcome_an_attempt", doubted(after=1)),
    ("attempts_count_up", altered(j.ToolCallSucceeded, attempt=2)),
    ("attempts_count_up", altered(j.ToolCallStarted, attempt=2)),
    ("attempts_count_up", twice(j.ToolCallStarted)),
    ("nothing_begins_unwanted", without(j.CallBegun)),
    ("nothing_begins_unwanted", altered(j.CallBegun, attempt=2)),
    ("nothing_begins_unwanted", twice(j.CallBegun, after=j.ToolCallSucceeded)),
    ("outcomes_are_what_was_reported", caused_by(attempt=2)),
    ("outcomes_are_what_was_reported", caused_by(1, Outcome.FAILED)),
    ("outcomes_are_what_was_reported", lambda s: keep(caused_by(1)(s), results=())),
    ("one_execution_a_key", lambda s: keep(s, ledger=2 * s.ledger)),
    ("success_means_executed", lambda s: keep(s, ledger=())),
    ("nothing_is_done_undecided", lambda s: keep(s, ledger=(*s.ledger, "other"))),
    ("dead_letters_are_the_poison", lambda s: keep(s, dead_letters=())),
    ("dead_letters_are_the_poison", lambda s: keep(s, dead_letters=2 * s.dead_letters)),
    ("dead_letters_are_the_poison", lambda s: keep(s, poison=frozenset())),
    (
        "dead_letters_are_the_poison",
        lambda s: keep(s, dead_letters=(raw("d", 0, letter(reason="")),)),
    ),
    ("dead_letters_are_the_poison", tables(dead=frozenset())),
    ("dead_letters_are_the_poison", set_aside_late(topics.CONTROLS, approval(2, "unheard"))),
    ("dead_letters_are_the_poison", set_aside_late(topics.RESULTS, came_back(2, attempt=2))),
    ("rows_equal_the_journal", tables(runs={})),
    ("rows_equal_the_journal", row(status="planning")),
    ("rows_equal_the_journal", row(seq=3)),
    ("rows_equal_the_journal", row(hashes=())),
    ("rows_equal_the_journal", lambda s: keep(s, events=(), requests=(), completions=())),
    ("positions_are_at_the_end", tables(positions={})),
    ("the_audit_found_nothing", row(chain_ok=False)),
    ("the_audit_found_nothing", tables(failures=1)),
    ("the_audit_found_nothing", tables(unpermitted=1)),
]


def test_what_a_faultless_system_leaves_behind_breaks_no_rule() -> None:
    assert violations(consistent()) == []


@pytest.mark.parametrize(("rule", "broken"), BROKEN)
def test_a_broken_history_is_found(rule: str, broken: Break) -> None:
    assert rule in {found.partition(":")[0] for found in violations(broken(consistent()))}


def test_an_outcome_that_was_reported_so_breaks_no_rule() -> None:
    assert violations(caused_by(attempt=1)(consistent())) == []


def test_a_repeat_may_come_after_the_end() -> None:
    for repeat in (
        set_aside_late(topics.CONTROLS, approval(2, "r1")),
        set_aside_late(topics.RESULTS, came_back(2)),
    ):
        assert violations(repeat(consistent())) == []


def test_doubt_is_a_violation_where_nothing_died() -> None:
    seen = consistent("is unsure", tool="send")
    assert violations(replace(seen, may_be_uncertain=True)) == []
    (found,) = violations(seen)
    assert found.startswith("doubt_only_where_allowed")


def test_a_doubt_may_be_followed_by_the_truth() -> None:
    seen = doubted(before=1)(consistent())
    assert violations(replace(seen, may_be_uncertain=True)) == []


def test_every_rule_was_seen_to_fail() -> None:
    seen_to_fail = {rule for rule, _ in BROKEN} | {"doubt_only_where_allowed"}
    assert seen_to_fail == {rule.__name__ for rule in RULES}
