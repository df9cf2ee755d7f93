"""Whatever begins a call asks one gate: a run that is paused or waits for more begins nothing."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, get_args

import pytest

from runfold.events import run as j
from runfold.events.calls import BeginRequested
from runfold.events.contents.content import json_content
from runfold.events.definitions.agents.agent import WhenSpent
from runfold.events.records import commands
from runfold.events.tenant import Amount
from runfold.events.values import Limits, RunStatus
from runfold.processors.engine.aggregate import Timer
from runfold.processors.engine.ports import Wish
from runfold.processors.run.agent.calls.kinds import RULES
from runfold.processors.run.behaviour import BY_GATE
from runfold.processors.run.dispatch import _WORK, _WORK_OF, wish
from runfold.processors.run.fold.open_calls import Out
from runfold.processors.run.lifecycle import gate
from runfold.processors.run.lifecycle.deadlines import next_timer
from runfold.processors.run.state import (
    Beginning,
    CallStatus,
    ContextCall,
    DryRunCall,
    JudgeCall,
    Live,
    Met,
    ModelCall,
    OpenCall,
    PolicyCall,
    RoundCall,
    changed,
    loop_changed,
)
from tests.deciders.braking import NO_LIMITS, then
from tests.deciders.given import (
    LOOK,
    RUN,
    WRITE,
    agent,
    answer,
    begins,
    broke,
    call,
    came_back,
    control,
    definitions,
    request,
)
from tests.deciders.governed import governed
from tests.spec import Story

JUDGE = then("think_again", threshold=70, judge={"rubric": "goal", "every": 2})


def _began() -> Story:
    """Return a run whose model proposed a call, which was permitted and is to begin."""
    known = governed(tools=(LOOK, WRITE), brakes={"goal_drift": JUDGE}, limits=NO_LIMITS)
    return Story(known).when(request(), answer(call("look")))


BASE = _began()
_PROPOSED = BASE.run.loop.round[0]
_OWN: dict[str, Any] = {
    "call_id": f"{RUN}.9",
    "attempt": 1,
    "pooled": True,
    "due": BASE.now,
    "beginning": Beginning(handed_out=1, timeout_ms=1000),
}
_ASKED = {**_OWN, "about": _PROPOSED.call_id, "questions": (), "denies": False}
_TRIED = {**_OWN, "of": _PROPOSED.call_id, "tool": "look", "tool_version": "1.0"}

CALLS: dict[str, OpenCall] = {
    "model": ModelCall(**_OWN),
    "context": ContextCall(**_OWN, budget_tokens=100),
    "judge": JudgeCall(**_OWN, model="scripted:judge"),
    "dry_run": DryRunCall(**_TRIED, arguments=json_content({"path": "a"})),
    "policy": PolicyCall(**_ASKED, input=json_content({})),
    "tool": RoundCall(**_OWN, proposal=_PROPOSED.proposal),
}
"""One open call of each kind."""


def _met(**asked: str) -> Callable[[Live], Live]:
    met = Met("max_tool_calls", "2", "2", **asked)
    return lambda run: changed(
        run, budget=changed(run.budget, more=changed(run.budget.more, met=met))
    )


SHUT: dict[str, Callable[[Live], Live]] = {
    "paused": lambda run: changed(run, idle=changed(run.idle, paused=True)),
    "a person is asked": _met(question_id=f"{RUN}.8"),
    "its tenant is asked": _met(extension_id=f"{RUN}.8"),
}
"""Everything that shuts the gate."""


def holding(kind: str, status: CallStatus) -> Live:
    """Return a run whose one open call is of this kind and stands so."""
    only = changed(CALLS[kind], status=status)
    return loop_changed(BASE.run, calls=(only,), taint=())


def by_deadline(run: Live) -> Timer:
    """Return the deadline of the run's one call."""
    (only,) = run.loop.calls
    kind = "retry" if only.status is CallStatus.HELD else "unbegun1"
    assert only.due is not None
    return Timer(only.due, kind, only.call_id, only.attempt)


def by_question(run: Live) -> BeginRequested:
    """Return what a pool asks before it begins the run's one call."""
    (only,) = run.loop.calls
    return BeginRequested(run_id=RUN, call_id=only.call_id, attempt=only.attempt, by="pool-1")


WAYS: dict[str, tuple[CallStatus, Callable[[Live], Any]]] = {
    "its next attempt is due": (CallStatus.HELD, by_deadline),
    "nobody has begun it": (CallStatus.RUNNING, by_deadline),
    "a pool asks": (CallStatus.RUNNING, by_question),
}
"""How a call that is open begins, or is handed out so that somebody begins it."""

BEGINNINGS = (*get_args(Out), j.CallHandedOutAgain, j.CallBegun)


def said(run: Live, body: Any) -> tuple[Any, ...]:
    return Story(BASE.definitions, run, BASE.now).when(body).said


FAMILY = [pytest.param(kind, way, id=f"{kind}: {way}") for kind in CALLS for way in WAYS]


def test_the_family_has_every_kind_of_call_and_every_fact_that_hands_work_out() -> None:
    assert set(CALLS) == set(RULES) == set(_WORK_OF)
    assert set(_WORK) == {*get_args(Out), j.CallHandedOutAgain}


@pytest.mark.parametrize("why", SHUT)
@pytest.mark.parametrize(("kind", "way"), FAMILY)
def test_nothing_begins_while_the_gate_is_shut(kind: str, way: str, why: str) -> None:
    status, how = WAYS[way]
    run = SHUT[why](holding(kind, status))
    facts = said(run, how(run))
    assert not [fact for fact in facts if isinstance(fact, BEGINNINGS)], facts
    if how is by_question:
        (held,) = facts
        assert (type(held), held.code) == (j.CallHeld, gate.shut(run))
    else:
        assert not facts
        timer = next_timer(run)
        assert timer is None or timer.call_id != run.loop.calls[0].call_id


@pytest.mark.parametrize(("kind", "way"), FAMILY)
def test_the_same_begins_where_the_gate_is_open(kind: str, way: str) -> None:
    status, how = WAYS[way]
    run = holding(kind, status)
    facts = said(run, how(run))
    if (kind, way) == ("policy", "its next attempt is due"):
        # No policy has a server asked any more: the call goes on without an answer.
        assert isinstance(facts[0], j.PolicyAnswered), facts
    else:
        assert isinstance(facts[0] if kind != "tool" else facts[-1], BEGINNINGS), facts
    if how is by_deadline:
        assert next_timer(run) == how(run)


@pytest.mark.parametrize("why", SHUT)
@pytest.mark.parametrize("kind", CALLS)
def test_what_this_process_is_about_to_begin_waits(kind: str, why: str) -> None:
    run = holding(kind, CallStatus.RUNNING)
    (work,) = [_WORK_OF[kind](run, run.loop.calls[0], BASE.definitions)]
    assert wish(run, work) is Wish.BEGIN
    assert wish(SHUT[why](run), work) is Wish.WAIT


@pytest.mark.parametrize("why", list(SHUT)[1:])
def test_a_run_of_before_keeps_its_word(why: str) -> None:
    held = holding("tool", CallStatus.HELD)
    before = changed(held, pinned=changed(held.pinned, behaviour=BY_GATE - 1))
    assert gate.shut(SHUT[why](before)) is None
    assert [type(f) for f in said(SHUT[why](before), by_deadline(before))] == [j.ToolCallStarted]


# A whole run, through facts alone.


def limited(action: str = "ask", **more: Any) -> Story:
    worker = agent(
        limits=Limits(max_tool_calls=2, max_identical_calls=9),
        when_spent=WhenSpent(action=action, more={"tool_calls": 2}, times=2),  # type: ignore[arg-type]
        tools=("look", "write"),
        **more,
    )
    return Story(definitions(LOOK, WRITE, worker)).when(request())


def extends(run: Story) -> Story:
    added = (Amount(unit="tool_calls", amount=Decimal(3)),)
    return run.when(control(commands.ExtendRun, "more", added=added))


def proposing_three() -> Story:
    paths = ("a", "b", "c")
    calls = [call("look", {"path": path}, f"c{n}") for n, path in enumerate(paths)]
    return limited().when(answer(*calls))


def test_a_call_that_is_held_for_a_retry_waits_with_its_run_and_goes_on_with_it() -> None:
    run = proposing_three()
    assert run.run.status is RunStatus.WAITING_FOR_HUMAN
    run = run.when(begins(2), broke(2), begins(3), came_back(3))
    assert run.run.loop.round[0].status is CallStatus.HELD
    assert next_timer(run.run) is None
    run = extends(run)
    assert run.names()[-1] == "ToolCallStarted", "the third one"
    timer = next_timer(run.run)
    assert timer is not None
    assert (timer.kind, timer.call_id) == ("retry", f"{RUN}.2")
    assert run.after(60).when(timer).only(j.ToolCallStarted).attempt == 2


def test_what_stands_in_a_pool_is_held_and_goes_on_with_its_run() -> None:
    run = proposing_three().when(begins(2))
    held = run.only(j.CallHeld)
    assert (held.code, held.call_id) == ("awaits_more", f"{RUN}.2")
    assert run.run.counters.tool_calls == 1
    assert next_timer(run.run) is None
    run = extends(run)
    timer = next_timer(run.run)
    assert timer is not None
    run = run.after(60).when(timer)
    assert run.only(j.ToolCallStarted).call_id == f"{RUN}.2"
    assert run.run.counters.tool_calls == 3


def test_a_run_that_gets_no_more_ends_as_before() -> None:
    run = proposing_three().when(begins(2))
    run = run.when(control(commands.DenyExtension, "no", reason="enough"))
    assert run.names()[-1] == "RunFailed"
