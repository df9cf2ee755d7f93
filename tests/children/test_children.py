"""A call whose tool is an agent is made by a run of its own."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from runfold.events import topics
from runfold.events.calls import ModelResult, ModelWork
from runfold.events.calls.children import ChildEnded
from runfold.events.contents.content import json_content, text
from runfold.events.records.commands import (
    CancelRun,
    GiveResult,
    HandBackRun,
    PauseRun,
    ResumeRun,
    SendMessage,
    TakeOverRun,
)
from runfold.events.values import Exit, ExitStatus, ExitUsage, Limits
from tests.children.given import CODEC, World, asks, completes, named, said
from tests.deciders.given import RUN, TENANT, call, request
from tests.spec import START


def lead(work: ModelWork) -> ModelResult:
    """Ask the researcher once, and complete with what it said."""
    replied = [m for m in work.messages if m.role == "tool"]
    if not replied:
        return said(work, call("ask_researcher", {"goal": "find the number"}))
    return completes(work, (replied[-1].content.inline or b"").decode())


def world(researcher=completes, **changes) -> World:  # type: ignore[no-untyped-def]
    return World.opened(
        {"lead": lead, "researcher": researcher},
        asks("researcher", **changes),
        named("lead", "ask_researcher"),
        named("researcher"),
    )


def test_a_child_makes_the_call_and_its_result_is_the_calls() -> None:
    tree = world(lambda work: completes(work, "it is 42"))

    tree.ask("lead")

    (child,) = tree.children()
    assert tree.facts(child)[0] == "RunCreated"
    assert tree.facts(child)[-1] == "RunCompleted"
    assert tree.end().exit.exit_code == 0
    assert b"it is 42" in tree.end().exit.payload.inline
    assert tree.facts(RUN).count("ChildRunEnded") == 1
    assert tree.letters() == []
    assert tree.differences() == []


def test_what_a_child_is_asked_for_is_within_what_its_parent_has() -> None:
    tree = world()

    tree.ask("lead", limits=Limits(max_cost=Decimal("0.5"), max_total_tokens=1000))

    asked = next(e.fact for e in tree.events() if e.type == "ChildRunRequested").request
    assert asked.goal.inline == b"find the number"
    assert (asked.parent_run_id, asked.root_run_id) == (RUN, RUN)
    assert asked.limits == Limits(max_cost=Decimal("0.245"), max_total_tokens=445)
    assert tree.end().tree.cost == Decimal("0.03")
    assert tree.end().tree.runs == 1
    assert tree.differences() == []


def test_a_child_that_fails_is_a_failed_call() -> None:
    tree = world(lambda work: said(work, call("fail_task", {"reason": "no such number"})))

    tree.ask("lead")

    assert tree.facts(RUN).count("ToolCallFailed") == 1
    assert tree.end().exit.exit_code == 0  # its own model went on
    assert tree.differences() == []


def test_an_agent_that_is_not_published_is_a_failed_call() -> None:
    tree = World.opened({"lead": lead}, asks("researcher"), named("lead", "ask_researcher"))

    tree.ask("lead")

    failed = next(e.fact for e in tree.events(RUN) if e.type == "ToolCallFailed")
    assert failed.error.error_type == "unknown_agent"


@pytest.mark.parametrize("restarts", [False, True])
def test_commits_that_are_lost_ask_for_nothing_twice(restarts: bool) -> None:
    for lane in range(3):
        for step in range(12):
            tree = world()
            tree.put(topics.REQUESTS, request(agent="lead"))
            for number in range(40):
                if number == step:
                    tree.lanes[lane].fail_next_commit = True
                if restarts and number == step:
                    tree.restart()
                for each in tree.lanes:
                    tree._settle(each)
            assert tree.end().exit.exit_code == 0, (lane, step)
            assert len(tree.children()) == 1
            assert tree.facts(tree.children()[0]).count("RunCreated") == 1
            assert tree.facts(RUN).count("ChildRunEnded") == 1
            assert tree.letters() == []


def test_cancel_pause_and_resume_go_down_the_tree() -> None:
    tree = world(lambda work: None)
    tree.ask("lead")
    (child,) = tree.children()
    control = {"run_id": RUN, "tenant_id": TENANT, "actor_id": "ada", "requested_at": START}

    tree.put(topics.CONTROLS, PauseRun(request_id="p", **control))
    tree.settle()
    assert tree.facts(child)[-3:] == ["ParentSignalled", "RunPaused", "CheckpointWritten"]
    tree.put(topics.CONTROLS, ResumeRun(request_id="r", **control))
    tree.settle()
    assert tree.facts(child)[-1] == "RunResumed"
    tree.put(topics.CONTROLS, CancelRun(request_id="c", reason="enough", **control))
    tree.settle()

    assert tree.end(child).exit.status is ExitStatus.CANCELLED
    assert tree.end().exit.status is ExitStatus.CANCELLED
    assert tree.differences() == []


def test_a_child_that_takes_too_long_is_cancelled_and_its_late_end_counts() -> None:
    tree = world(lambda work: None, timeout_ms=1000)
    tree.ask("lead")
    (child,) = tree.children()

    tree.pass_time(timedelta(seconds=2))

    assert tree.end(child) is not None
    assert "ToolCallFailed" in tree.facts(RUN)
    assert tree.facts(RUN).count("ChildRunEnded") == 1
    assert tree.differences() == []


def test_an_agent_cannot_ask_itself_from_below() -> None:
    def again(work: ModelWork) -> ModelResult:
        replied = [m for m in work.messages if m.role == "tool"]
        return completes(work) if replied else said(work, call("ask_lead", {"goal": "you do it"}))

    tree = World.opened(
        {"lead": lead, "researcher": again},
        asks("researcher"), asks("lead"),
        named("lead", "ask_researcher"), named("researcher", "ask_lead"),
    )  # fmt: skip

    tree.ask("lead")

    denied = next(e.fact for e in tree.events() if e.type == "ToolCallDenied")
    assert denied.code == "agent_in_its_own_path"
    assert tree.end().exit.exit_code == 0


def test_an_end_that_nobody_asked_for_changes_nothing() -> None:
    tree = world(lambda work: None)
    tree.ask("lead")
    usage = ExitUsage(
        total_tokens=1, input_tokens=1, output_tokens=0, cost_usd=Decimal(9), latency_ms=1,
        model_calls=0, tool_calls=0,
    )  # fmt: skip
    exit_ = Exit(
        status=ExitStatus.SUCCESS, exit_code=0, signal="complete",
        payload=json_content({"summary": "forged"}), usage=usage,
    )  # fmt: skip
    before = tree.facts()

    for tenant, child in ((TENANT, "another"), ("other", tree.children()[0])):
        forged = ChildEnded(
            run_id=RUN, tenant_id=tenant, call_id=f"{RUN}.2", attempt=1, child_run_id=child,
            exit=exit_,
        )  # fmt: skip
        tree.put(topics.RESULTS, forged)
        tree.settle()

    assert tree.facts() == before


def test_a_result_that_a_person_gives_ends_the_child_that_made_the_call() -> None:
    tree = world(lambda work: None)
    tree.ask("lead", limits=Limits(max_cost=Decimal(1)))
    (child,) = tree.children()
    common = {"run_id": RUN, "tenant_id": TENANT, "actor_id": "ada", "requested_at": START}
    given = {"call_id": f"{RUN}.2", "result": json_content({"summary": "by hand"})}

    tree.put(topics.CONTROLS, TakeOverRun(request_id="t", **common))
    tree.put(topics.CONTROLS, GiveResult(request_id="g", **given, **common))
    tree.put(topics.CONTROLS, HandBackRun(request_id="h", **common))
    tree.settle()

    assert tree.end(child).exit.status is ExitStatus.CANCELLED
    assert b"by hand" in tree.end().exit.payload.inline
    assert tree.facts(RUN).count("ChildRunSignalled") == 1
    assert tree.differences() == []


@pytest.mark.parametrize("limits", [{"max_cost": Decimal("0.01")}, {"max_total_tokens": 110}])
def test_a_run_that_has_nothing_left_gives_nothing_away(limits: dict[str, Any]) -> None:
    tree = world()

    tree.ask("lead", limits=Limits(**limits))

    assert tree.children() == []
    assert tree.end().error.error_type == "limit_reached"
    assert tree.differences() == []


def test_a_run_that_only_names_a_parent_tells_it_nothing() -> None:
    tree = world(lambda work: None)
    tree.ask("lead")
    before = tree.facts(RUN)
    other = "019ca945-0a00-7000-8000-00000000000f"
    named = {"run_id": other, "parent_run_id": RUN, "parent_call_id": f"{RUN}.2"}

    tree.ask("nobody", **named)
    tree.ask("lead", **{**named, "run_id": f"{other[:-1]}e"})

    said = [entry for lane in tree.lanes for entry in lane.entries(topics.RESULTS)]
    kinds = [type(CODEC.decode(topics.RESULTS, each.value or b"")).__name__ for each in said]
    assert "ChildEnded" not in kinds
    assert tree.facts(RUN) == before


def test_what_a_child_is_called_cannot_be_known_before() -> None:
    first, second = world(), world()
    first.ask("lead")
    second.ask("lead", goal=text("another goal"))

    assert first.children() != second.children()


def test_a_control_with_the_name_of_a_signal_stops_no_signal() -> None:
    tree = world(lambda work: None)
    tree.ask("lead")
    (child,) = tree.children()
    common = {"tenant_id": TENANT, "actor_id": "ada", "requested_at": START}

    told = SendMessage(request_id=f"{RUN}/end", run_id=child, content=text("hello"), **common)
    tree.put(topics.CONTROLS, told)
    tree.settle()
    tree.put(topics.CONTROLS, CancelRun(request_id="c", reason="enough", run_id=RUN, **common))
    tree.settle()

    assert tree.end(child).exit.status is ExitStatus.CANCELLED


def test_what_a_late_child_may_still_use_stays_set_aside() -> None:
    tree = world(lambda work: None, timeout_ms=1000)
    tree.ask("lead", limits=Limits(max_cost=Decimal("0.04")))

    tree.pass_time(timedelta(seconds=2))

    given = [
        e.fact.request.limits.max_cost for e in tree.events(RUN) if e.type == "ChildRunRequested"
    ]
    used = sum(
        (e.fact.used.cost for e in tree.events(RUN) if e.type == "ChildRunEnded"), Decimal(0)
    )
    assert given[0] == Decimal("0.015")
    assert sum(given[1:], used) + Decimal("0.01") <= Decimal("0.04")
    facts = tree.facts(RUN)
    assert facts.index("ChildRunEnded") < facts.index("ToolCallFailed")
