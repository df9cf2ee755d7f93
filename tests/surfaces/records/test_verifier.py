"""The audit's verifier finds what was edited, deleted, moved or never permitted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from runfold.events import run as j
from runfold.events.base import Fact
from runfold.events.catalogue import TERMINAL_FACTS
from runfold.events.contents.content import text
from runfold.events.definitions import DefinitionPublished
from runfold.events.probe import PROBE_AGENT, PROBE_TENANT
from runfold.events.run import GENESIS, Event
from runfold.events.values import RunStatus
from runfold.processors.definitions.record import announce
from runfold.surfaces.audit.definitions import DefinitionHistory
from runfold.surfaces.audit.verifier import Verdict, Verifier
from tests.deciders.given import LOOK, RUN, SEND, WRITE, agent
from tests.support.builders.stories import CODEC, STORIES, written_history

Written = list[tuple[bytes, Event]]


def published(**changes: object) -> list[tuple[int, DefinitionPublished]]:
    return [
        (offset, announce(definition, "me", datetime(2026, 1, 1, tzinfo=UTC)))
        for offset, definition in enumerate((LOOK, WRITE, SEND, agent(**changes)))
    ]


def definitions(**changes: object) -> DefinitionHistory:
    return DefinitionHistory(published(**changes))


def verdict(
    written: Sequence[tuple[bytes, Event]], known: DefinitionHistory | None = None
) -> Verdict:
    verifier = Verifier(RUN, known or definitions())
    for value, event in written:
        verifier.take(value, event)
    ends = [event for _, event in written if isinstance(event.fact, TERMINAL_FACTS)]
    return verifier.verdict(ends[0] if ends else None)


def kinds(found: Verdict) -> set[str]:
    return {fault.kind for fault in found.faults}


def rechained(events: Sequence[Event]) -> Written:
    """Forge a chain over events, as somebody would who can rewrite the whole log."""
    digest, written = GENESIS, Written()
    for number, event in enumerate(events):
        meta = event.meta.model_copy(update={"seq": number + 1, "prev_hash": digest})
        value = CODEC.encode_event(meta, event.fact)
        digest = hashlib.sha256(value).digest()
        written.append((value, Event(meta, event.fact)))
    return written


@pytest.mark.parametrize("name", STORIES)
def test_what_the_engine_wrote_is_sound(name: str) -> None:
    written, _ = written_history(STORIES[name])
    found = verdict(written)
    assert found.faults == ()
    assert found.events == len(written)
    assert found.decisions == len(STORIES[name])


def test_the_journal_is_sound_after_a_round_over_the_wire() -> None:
    written, _ = written_history(STORIES["does two things"])
    read = [(value, CODEC.decode("runs.events", value)) for value, _ in written]
    assert verdict(read).faults == ()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "break_it",
    [
        pytest.param(lambda events: events[:3] + events[4:], id="deleted"),
        pytest.param(lambda events: [*events[:3], events[4], events[3], *events[5:]], id="moved"),
        pytest.param(lambda events: [*events[:4], events[3], *events[4:]], id="doubled"),
        pytest.param(lambda events: events[1:], id="beheaded"),
    ],
)
def test_rows_that_were_taken_out_or_moved_are_found(
    break_it: Callable[[Written], Written],
) -> None:
    written, _ = written_history(STORIES["is approved"])
    assert {"sequence", "chain"} <= kinds(verdict(break_it(written)))


def test_edited_bytes_break_the_chain_at_the_next_event() -> None:
    written, _ = written_history(STORIES["is approved"])
    value, event = written[5]
    edited = event.meta.model_copy(update={"tenant_id": "umbrella"})
    written[5] = (CODEC.encode_event(edited, event.fact), event)
    assert value != written[5][0]
    assert [fault.seq for fault in verdict(written).faults] == [7]


def edit(events: Written, kind: type[Fact], **changes: object) -> Written:
    return rechained(
        [
            replace(event, fact=event.fact.model_copy(update=changes))
            if isinstance(event.fact, kind)
            else event
            for _, event in events
        ]
    )


def test_a_forged_result_behind_a_forged_chain_is_found_by_deciding_again() -> None:
    written, _ = written_history(STORIES["is approved"])
    forged = edit(written, j.ToolCallSucceeded, result=text("all is well"))
    (fault, *_) = verdict(forged).faults
    assert fault.kind == "decision"
    assert "CheckpointWritten, decided again it is one with another" in fault.reason


def test_a_call_without_its_permit_is_found_behind_a_forged_chain() -> None:
    written, _ = written_history(STORIES["is approved"])
    kept = [event for _, event in written if not isinstance(event.fact, j.PolicyDecided)]
    found = verdict(rechained(kept))
    assert {"permit", "decision"} <= kinds(found)


def test_a_permit_turned_into_a_refusal_makes_the_start_unlawful() -> None:
    written, _ = written_history(STORIES["is approved"])
    forged = edit(written, j.PolicyDecided, effect=j.PolicyEffect.FORBID)
    assert "permit" in kinds(verdict(forged))


def test_words_that_their_digest_denies_are_found() -> None:
    written, _ = written_history(STORIES["is told"])
    meant = text("look there").model_copy(update={"inline": b"look away!"})
    forged = edit(written, j.UserMessageReceived, content=meant)
    assert "content" in kinds(verdict(forged))


def test_a_status_that_does_not_follow_is_found() -> None:
    written, _ = written_history(STORIES["pauses"])
    events = [
        replace(event, meta=event.meta.model_copy(update={"status": RunStatus.PLANNING}))
        for _, event in written
    ]
    assert "status" in kinds(verdict(rechained(events)))


def test_an_event_after_the_end_is_found() -> None:
    written, _ = written_history(STORIES["completes"])
    events = [event for _, event in written]
    assert "end" in kinds(verdict(rechained([*events, events[-1]])))


def test_other_definitions_than_the_pinned_ones_are_found() -> None:
    written, _ = written_history(STORIES["is approved"])
    found = verdict(written, definitions(approval_from_level=5))
    assert kinds(found) == {"decision"}
    assert "event 1 is RunCreated" in found.faults[0].reason


def test_what_was_published_after_a_run_began_does_not_count() -> None:
    written, _ = written_history(STORIES["is approved"])
    later = announce(agent(version="2.0", approval_from_level=5), "me", datetime.now(UTC))
    assert verdict(written, DefinitionHistory([*published(), (4, later)])).faults == ()


def test_a_lost_registry_is_said_and_does_not_stop_the_audit() -> None:
    written, _ = written_history(STORIES["completes"])
    found = verdict(written, DefinitionHistory([]))
    assert kinds(found) == {"decision"}
    assert found.events == len(written)


def test_a_run_that_a_newer_release_began_is_left_to_it_and_its_chain_is_followed() -> None:
    written, _ = written_history(STORIES["completes"])
    (_, created), *others = written
    newer = created.fact.model_copy(update={"behaviour": 99})
    events = [replace(created, fact=newer), *(event for _, event in others)]
    found = verdict(rechained(events))
    assert [(fault.seq, fault.kind) for fault in found.faults] == [(1, "newer")]
    assert "this release knows" in found.faults[0].reason
    # A link that is missing is found all the same.
    assert kinds(verdict(rechained(events)[:3] + rechained(events)[4:])) >= {"sequence", "chain"}


def test_an_event_of_another_run_is_found() -> None:
    written, _ = written_history(STORIES["completes"])
    verifier = Verifier("another", definitions())
    verifier.take(*written[0])
    assert "key" in kinds(verifier.verdict())


def test_an_ended_run_whose_last_events_are_gone_is_found_by_its_completion() -> None:
    written, _ = written_history(STORIES["completes"])
    verifier = Verifier(RUN, definitions())
    for value, event in written[:-1]:
        verifier.take(value, event)
    assert "completion" in kinds(verifier.verdict(written[-1][1]))


def test_an_ended_run_without_a_completion_is_found() -> None:
    written, _ = written_history(STORIES["completes"])
    verifier = Verifier(RUN, definitions())
    for value, event in written:
        verifier.take(value, event)
    assert kinds(verifier.verdict(None)) == {"completion"}


def test_a_run_by_the_names_of_the_probe_is_told_from_others() -> None:
    written, _ = written_history(STORIES["completes"])
    assert verdict(written).probe is False
    value, first = written[0]
    assert isinstance(first.fact, j.RunCreated)
    pin = first.fact.agent.model_copy(update={"name": PROBE_AGENT})
    for tenant, expected in ((PROBE_TENANT, True), ("acme", False)):
        meta = first.meta.model_copy(update={"tenant_id": tenant})
        fact = first.fact.model_copy(update={"agent": pin})
        assert verdict([(value, Event(meta, fact))]).probe is expected
