"""Dry runs begin where tool calls do: they wait with their run, and for the rate of its calls."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from runfold.events import run as j
from runfold.events.base import Fact
from runfold.events.contents.content import json_content
from runfold.events.definitions.agents.agent import WhenSpent
from runfold.events.records import commands
from runfold.events.tenant import AdmissionAnswered, Amount, CallRates, Verdict
from runfold.events.values import Limits, RunStatus
from runfold.processors.engine.aggregate import Command, Env
from runfold.processors.run.behaviour import BY_GATE
from runfold.processors.run.decide import decide
from runfold.processors.run.evolve import evolve
from runfold.processors.run.lifecycle.deadlines import next_timer
from runfold.processors.run.state import CallStatus, DryRunCall
from tests.deciders.calls.test_dry_runs import BY_TOOL, PREVIEW, sends
from tests.deciders.given import LOOK, RUN, answer, call, came_back, control, request
from tests.deciders.governed import governed
from tests.deciders.people.test_taking_over import hands_back, replies, takes
from tests.spec import Story
from tests.tenant.given import policy


def trying(*tools: Any, rates: CallRates | None = None, **more: Any) -> Story:
    known = governed(tools=tools or (sends(), LOOK), **more)
    if rates is None:
        return Story(known).when(request())
    known = known.plus("tenant_policy", policy().body(), 100)
    granted = AdmissionAnswered(run_id=RUN, verdict=Verdict.GRANTED, rates=rates)
    return Story(known).when(request(), granted)


def send(path: str = "a", id: str = "c1") -> Any:  # noqa: A002
    return call("send", {"path": path}, id)


PAUSE, RESUME = control(commands.PauseRun, "p"), control(commands.ResumeRun, "s")


def test_a_dry_run_waits_while_its_run_is_paused() -> None:
    run = trying().when(PAUSE, answer(send()))
    assert "DryRunStarted" not in run.names()
    assert run.run.loop.round[0].status is CallStatus.PROPOSED
    run = run.when(RESUME)
    assert run.names() == ["RunResumed", "DryRunStarted"]
    assert run.when(came_back(3, "fine")).only(j.ApprovalRequested).dry_run == json_content("fine")


def test_a_dry_run_that_has_waited_is_judged_by_the_policies_of_now() -> None:
    run = trying().when(PAUSE, answer(send()))
    forbids = governed(
        'permit(principal, action == Action::"tool.call", resource);',
        'forbid(principal, action == Action::"tool.call", resource == Tool::"send");',
        tools=(sends(), LOOK),
    )
    run = replace(run, definitions=forbids).when(RESUME)
    assert run.names()[:3] == ["RunResumed", "PolicyDecided", "ToolCallDenied"]
    assert "DryRunStarted" not in run.names()


def test_a_dry_run_that_has_waited_is_spared_where_policies_now_say_so() -> None:
    run = trying().when(PAUSE, answer(send()))
    never = '@dry_run("never") permit(principal, action == Action::"tool.call", resource);'
    run = replace(run, definitions=governed(never, tools=(sends(), LOOK))).when(RESUME)
    assert run.names()[:3] == ["RunResumed", "PolicyDecided", "ApprovalRequested"]


@pytest.mark.parametrize("tools", [(sends(), LOOK), (BY_TOOL, PREVIEW)], ids=["argument", "tool"])
def test_dry_runs_count_towards_the_rate_of_tool_calls_and_wait_for_it(
    tools: tuple[Any, ...],
) -> None:
    run = trying(*tools, rates=CallRates(tool_calls=1)).when(answer(send("a"), send("b", "c2")))
    names = run.names()
    assert (names.count("DryRunStarted"), names.count("CallsPaced")) == (1, 1)
    assert run.run.status is RunStatus.RUNNING_TOOL
    (tried,) = [c for c in run.run.loop.calls if isinstance(c, DryRunCall)]
    run = run.when(came_back(int(tried.call_id.rpartition(".")[2]), "fine"))
    timer = next_timer(run.run)
    assert timer is not None
    assert timer.kind == "pace_tool1"
    run = run.after((timer.due - run.now).total_seconds() - 1).when(timer)
    assert run.names().count("DryRunStarted") == 1


def test_a_run_whose_dry_run_comes_too_early_waits_for_its_tools() -> None:
    run = trying(rates=CallRates(tool_calls=1))
    run = run.when(answer(call("look")), came_back(2))
    run = run.when(answer(send(), n=3))
    assert run.names()[-1] == "CallsPaced"
    assert run.run.status is RunStatus.WAITING_FOR_TOOL
    run = run.when(control(commands.CancelRun, "c", reason="enough"))
    assert run.names()[-1] == "RunCancelled"


def test_a_call_whose_dry_run_was_withdrawn_by_a_take_over_is_tried_anew() -> None:
    run = takes(trying().when(answer(send())))
    assert "CallWithdrawn" in run.names()
    assert run.names()[-1] == "DryRunStarted"


def test_a_person_s_proposal_is_not_tried_while_the_run_waits_for_more() -> None:
    limits = {"limits": Limits(max_total_tokens=1), "when_spent": WhenSpent(action="ask")}
    run = trying(**limits).when(answer(call("look")), came_back(2))
    assert run.run.budget.more.met is not None
    run = replies(takes(run), send())
    assert "PersonReplied" in run.names()
    assert "DryRunStarted" not in run.names()
    added = (Amount(unit="tokens", amount=Decimal(5000)),)
    run = run.when(control(commands.ExtendRun, "more", added=added))
    assert run.names()[-1] == "DryRunStarted"
    assert hands_back(run).run.idle.held is None


def test_runs_of_before_try_first_at_once() -> None:
    story, state = trying(), None
    facts: list[Fact] = []
    for body in (request(), PAUSE, answer(send())):
        facts = decide(state, Command(body), Env(story.now, story.definitions), BY_GATE - 1)
        for fact in facts:
            state = evolve(state, fact, story.now)
    assert "DryRunStarted" in [type(fact).__name__ for fact in facts]
