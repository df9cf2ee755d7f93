"""Every decision can be made again from the journal alone, and an edited journal does not pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from events import inputs
from events import journal as j
from events.base import Fact, Record
from events.common import Limits
from events.content import json_content, text
from events.effects import Outcome
from events.journal import GENESIS, Event, Meta
from events.rulebook import Rulebook
from processors.engine.aggregate import Command, Timer
from processors.run import recorded
from processors.run.aggregate import RunAggregate
from processors.run.deadlines import next_timer
from processors.run.recorded_input import UnrecordedError
from tests.deciders.given import (
    RUN,
    TENANT,
    answer,
    broke,
    call,
    came_back,
    control,
    done,
    model_error,
    request,
    story,
)
from tests.spec import Story

Step = Record | Timer | Callable[[Story], Record | Timer]


def due(told: Story) -> Timer:
    timer = next_timer(told.run)
    assert timer is not None
    return timer


def resolved(how: inputs.Resolution) -> inputs.Control:
    return control(inputs.ResolveToolCall, call_id=f"{RUN}.2", resolution=how, comment="asked")


def approval(n: int = 2, request_id: str = "r1", **more: object) -> inputs.Control:
    return control(inputs.ApproveToolCall, request_id, call_id=f"{RUN}.{n}", **more)


UNSURE = came_back(2, outcome=Outcome.UNCERTAIN, result=None)
WRITES = answer(call("write"))
SENDS = answer(call("send"))
LOOKS = answer(call("look"))
ASKS = answer(call("ask_human", {"question": "which?"}))
PLANS = answer(call("update_plan", {"steps": [{"id": "1", "description": "a", "status": "done"}]}))
TWO = answer(call("look", id="a"), call("write", id="b"))
OTHERS = control(inputs.PauseRun, tenant_id="umbrella")
EFFECT = came_back(9, effect=True)
WRONG = json_content({"path": 7})

STORIES: dict[str, Sequence[Step]] = {
    "completes": [request(), LOOKS, came_back(2), done(n=3)],
    "gives up": [request(), answer(call("fail_task", {"reason": "no"}))],
    "is refused": [request(agent="nobody")],
    "has too large a goal": [request(goal=text("x" * 100_001))],
    "says nothing usable": [request(), answer(), answer(n=2), answer(n=3)],
    "has no model": [request(), model_error(), due, model_error(attempt=2)],
    "loses the model": [request(), due, due, due],
    "retries a tool": [request(), LOOKS, broke(2), due, came_back(2, attempt=2)],
    "loses a tool call": [request(), SENDS, due, resolved(inputs.Resolution.DID_NOT_HAPPEN)],
    "is unsure": [request(), SENDS, UNSURE, resolved(inputs.Resolution.HAPPENED), done(n=3)],
    "cannot settle": [request(), SENDS, UNSURE, resolved(inputs.Resolution.UNKNOWN)],
    "is approved": [request(), WRITES, approval(), came_back(2), done(n=3)],
    "is edited": [request(), WRITES, approval(arguments=json_content({"path": "b"}))],
    "is edited wrongly": [request(), WRITES, approval(arguments=WRONG), approval(7, "r2")],
    "is denied": [request(), WRITES, control(inputs.DenyToolCall, call_id=f"{RUN}.2", reason="no")],
    "asks": [
        request(),
        ASKS,
        control(inputs.AnswerQuestion, question_id=f"{RUN}.2", content=WRONG),
    ],
    "plans": [request(), PLANS, done(n=3)],
    "does two things": [request(), TWO, came_back(2), approval(3), came_back(3), done(n=4)],
    "pauses": [
        request(),
        LOOKS,
        control(inputs.PauseRun, reason="lunch"),
        control(inputs.PauseRun, "r2"),
        came_back(2),
        control(inputs.ResumeRun, "r3"),
        control(inputs.ResumeRun, "r4"),
    ],
    "is cancelled": [request(), LOOKS, control(inputs.CancelRun, reason="enough")],
    "is told": [
        request(),
        LOOKS,
        control(inputs.SendMessage, content=text("look there")),
        control(inputs.EditInstructions, "r2", content=text("be brief")),
        came_back(2),
    ],
    "is meddled with": [request(), OTHERS],
    "hears late": [request(), LOOKS, EFFECT],
    "runs out of time": [request(limits=Limits(max_duration_ms=10)), LOOKS, due],
    "runs out of money": [request(limits=Limits(max_cost="0.005")), LOOKS, came_back(2)],
    "misses its deadline": [request(deadline=story().now + timedelta(hours=1)), LOOKS, due],
}


def history(steps: Sequence[Step]) -> tuple[list[Event], Rulebook]:
    """Tell a story with the engine's own metadata on its events."""
    told, events = story(), list[Event]()
    aggregate, state = RunAggregate(), None
    for number, step in enumerate(steps):
        body = step(told) if callable(step) else step
        told = told.when(body)
        cause = body.cause if isinstance(body, Timer) else f"runs.inputs/0/{number}"
        for fact in told.said:
            state = aggregate.evolve(state, fact, told.now)
            meta = Meta(
                run_id=RUN,
                seq=len(events) + 1,
                tenant_id=TENANT,
                time=told.now,
                status=state.status,
                cause=cause,
                actor=aggregate.actor(fact, Command(body), state),
                traceparent=state.traceparent,
                prev_hash=GENESIS,
            )
            events.append(Event(meta, fact))
    return events, told.rulebook


def differences(events: Sequence[Event], rulebook: Rulebook) -> list[recorded.Difference]:
    state, found = None, []
    for decision in recorded.decisions(events):
        if difference := recorded.redecide(state, decision, rulebook):
            found.append(difference)
        state = recorded.fold(state, decision)
    return found


@pytest.mark.parametrize("name", STORIES)
def test_every_decision_is_made_again_and_equal(name: str) -> None:
    events, rulebook = history(STORIES[name])
    assert len(list(recorded.decisions(events))) == len(STORIES[name])
    assert differences(events, rulebook) == []


@pytest.mark.parametrize("name", STORIES)
def test_every_fact_but_a_decisions_first_is_missed_when_it_is_taken_out(name: str) -> None:
    events, rulebook = history(STORIES[name])
    for decision in recorded.decisions(events):
        for fact in decision[1:]:
            if isinstance(fact.fact, j.UserMessageReceived):
                continue  # it holds the goal's words, and with them the input
            state = recorded.fold(None, tuple(events[: decision[0].meta.seq - 1]))
            left = tuple(event for event in decision if event is not fact)
            assert recorded.redecide(state, left, rulebook) is not None


def edited(events: Sequence[Event], kind: type[Fact], **changes: object) -> list[Event]:
    return [
        replace(event, fact=event.fact.model_copy(update=changes))
        if isinstance(event.fact, kind)
        else event
        for event in events
    ]


def test_a_permit_that_was_a_refusal_is_found_and_named() -> None:
    events, rulebook = history([request(), answer(call("nothing"))])
    forged = edited(events, j.PolicyDecided, effect=j.PolicyEffect.PERMIT)
    (difference,) = differences(forged, rulebook)
    assert (
        str(difference) == "event 8 is PolicyDecided, decided again it is one with another effect"
    )


def test_a_decision_of_other_definitions_is_found() -> None:
    events, _ = history(STORIES["is approved"])
    permissive = story(approval_from_level=5).rulebook
    assert differences(events, permissive) != []


def test_a_first_event_that_no_input_leads_to_is_refused() -> None:
    events, rulebook = history(STORIES["completes"])
    with pytest.raises(UnrecordedError, match="RunStarted cannot be the first"):
        recorded.redecide(None, (events[1],), rulebook)


def test_the_registry_position_comes_from_the_first_event() -> None:
    events, rulebook = history(STORIES["completes"])
    assert recorded.rulebook_position(events) == rulebook.position
    assert recorded.rulebook_position(events[1:]) is None
