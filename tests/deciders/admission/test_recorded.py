"""Every decision can be made again from the journal alone, and an edited journal does not pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from runfold.events import run as j
from runfold.events.base import Fact
from runfold.events.definitions import Definitions
from runfold.events.run import Event
from runfold.processors.engine.aggregate import UnrecordedError
from runfold.processors.run.replay import decisions
from tests.deciders.given import answer, call, request, story
from tests.support.builders.stories import STORIES, history


def differences(events: Sequence[Event], definitions: Definitions) -> list[decisions.Difference]:
    state, found = None, []
    for decision in decisions.decisions(events):
        if difference := decisions.redecide(state, decision, definitions):
            found.append(difference)
        state = decisions.fold(state, decision)
    return found


@pytest.mark.parametrize("name", STORIES)
def test_every_decision_is_made_again_and_equal(name: str) -> None:
    events, definitions = history(STORIES[name])
    assert len(list(decisions.decisions(events))) == len(STORIES[name])
    assert differences(events, definitions) == []


@pytest.mark.parametrize("name", STORIES)
def test_every_fact_but_a_decisions_first_is_missed_when_it_is_taken_out(name: str) -> None:
    events, definitions = history(STORIES[name])
    for decision in decisions.decisions(events):
        for fact in decision[1:]:
            if isinstance(fact.fact, j.UserMessageReceived):
                continue  # it holds the goal's words, and with them the input
            state = decisions.fold(None, tuple(events[: decision[0].meta.seq - 1]))
            left = tuple(event for event in decision if event is not fact)
            assert decisions.redecide(state, left, definitions) is not None


def edited(events: Sequence[Event], kind: type[Fact], **changes: object) -> list[Event]:
    return [
        replace(event, fact=event.fact.model_copy(update=changes))
        if isinstance(event.fact, kind)
        else event
        for event in events
    ]


def test_a_permit_that_was_a_refusal_is_found_and_named() -> None:
    events, definitions = history([request(), answer(call("nothing"))])
    forged = edited(events, j.PolicyDecided, effect=j.PolicyEffect.PERMIT)
    (difference,) = differences(forged, definitions)
    assert (
        str(difference) == "event 8 is PolicyDecided, decided again it is one with another effect"
    )


def test_a_decision_of_other_definitions_is_found() -> None:
    events, _ = history(STORIES["is approved"])
    permissive = story(approval_from_level=5).definitions
    assert differences(events, permissive) != []


def test_a_first_event_that_no_input_leads_to_is_refused() -> None:
    events, definitions = history(STORIES["completes"])
    with pytest.raises(UnrecordedError, match="RunStarted cannot be the first"):
        decisions.redecide(None, (events[1],), definitions)


def test_every_decision_names_the_position_of_its_definitions() -> None:
    events, definitions = history(STORIES["completes"])
    made = list(decisions.decisions(events))
    assert [decisions.definitions_position(each) for each in made] == [definitions.position] * 4


def test_decisions_of_older_releases_were_made_with_the_definitions_that_the_run_began_with() -> (
    None
):
    events, definitions = history(STORIES["completes"])
    silent = [replace(e, meta=e.meta.model_copy(update={"definitions": None})) for e in events]
    made = list(decisions.decisions(silent))
    assert decisions.definitions_position(made[0]) == definitions.position
    assert decisions.definitions_position(made[1], 7) == 7


def test_the_requester_s_trace_is_part_of_what_was_asked() -> None:
    events, definitions = history(STORIES["completes"])
    traced = edited(events, j.RunCreated, requester_trace=f"00-{'ab' * 16}-{'cd' * 8}-01")
    assert differences(traced, definitions) == []
    (difference,) = differences(edited(events, j.RunCreated, requester_trace="x"), definitions)
    assert "requester_trace" in str(difference)
