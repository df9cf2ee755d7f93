"""A flow: steps that depend on one another, each made by a call."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from runfold.events import topics
from runfold.events.calls import ModelResult, ModelWork
from runfold.events.contents.content import content
from runfold.events.definitions import AgentDefinition
from runfold.events.definitions.agents.flow import Flow, FlowStep
from runfold.events.records.commands import AnswerQuestion, SendMessage, TakeOverRun
from runfold.events.values import Limits
from tests.children.given import Says, World, asks, completes, named, said
from tests.deciders.given import RUN, TENANT, call, request
from tests.spec import START

STEPS = [
    {"id": "plan", "tool": "ask_planner"},
    {"id": "code", "tool": "ask_coder", "depends_on": ("plan",)},
    {"id": "test", "tool": "ask_tester", "depends_on": ("code",)},
]


def flow(*steps: dict[str, Any]) -> AgentDefinition:
    made = Flow(steps=tuple(FlowStep(**step) for step in steps))
    tools = tuple(dict.fromkeys(s["tool"] for s in steps if s["tool"] != "ask_human"))
    return named("build", *tools, flow=made)


def world(*steps: dict[str, Any], **says: Says) -> World:
    agents = sorted({s["tool"].removeprefix("ask_") for s in steps if s["tool"] != "ask_human"})
    return World.opened(
        {each: says.get(each, by_name) for each in agents},
        *[asks(each) for each in agents],
        flow(*steps),
        *[named(each) for each in agents],
    )


def by_name(work: ModelWork) -> ModelResult:
    return completes(work, f"{work.model.removeprefix('scripted:')} is done")


def goals(tree: World) -> dict[str, Any]:
    """What each child was asked for, by its agent."""
    found = [e.fact.request for e in tree.events() if e.type == "ChildRunRequested"]
    return {each.agent: (each.goal.inline or b"").decode() for each in found}


def steps(tree: World) -> list[tuple[str, str]]:
    kinds = ("StepStarted", "StepEnded")
    found = [e for e in tree.events(RUN) if e.type in kinds]
    return [(e.fact.step, str(getattr(e.fact, "outcome", "begun"))) for e in found]


def test_steps_run_in_the_order_of_what_they_depend_on_and_are_given_results() -> None:
    tree = world(*STEPS)

    tree.ask("build")

    assert steps(tree) == [
        ("plan", "begun"), ("plan", "succeeded"), ("code", "begun"), ("code", "succeeded"),
        ("test", "begun"), ("test", "succeeded"),
    ]  # fmt: skip
    asked = goals(tree)
    assert asked["planner"] == "find out"
    assert json.loads(asked["coder"]) == {
        "goal": "find out", "step": "code", "results": {"plan": {"summary": "planner is done"}},
    }  # fmt: skip
    assert json.loads(tree.end().exit.payload.inline) == {
        "results": {"test": {"summary": "tester is done"}}
    }
    assert tree.end().tree.runs == 3
    assert tree.letters() == []
    assert tree.differences() == []


def test_a_failed_step_is_retried_alone_and_what_succeeded_stays() -> None:
    failed = []

    def coder(work: ModelWork) -> ModelResult:
        if len(failed) < 2:
            failed.append(work.run_id)
            return said(work, call("fail_task", {"reason": "no compiler"}))
        return completes(work, "coded")

    tree = world({**STEPS[0]}, {**STEPS[1], "attempts": 3}, STEPS[2], coder=coder)
    tree.ask("build")

    assert [each for each in steps(tree) if each[1] != "begun"] == [
        ("plan", "succeeded"), ("code", "retried"), ("code", "retried"), ("code", "succeeded"),
        ("test", "succeeded"),
    ]  # fmt: skip
    assert tree.end().exit.exit_code == 0
    assert tree.differences() == []


def fails(work: ModelWork) -> ModelResult:
    return said(work, call("fail_task", {"reason": "cannot"}))


@pytest.mark.parametrize(
    ("on_error", "code", "ended"),
    [("fail", 1, None), ("skip", 0, "skipped"), ("continue", 0, "succeeded")],
)
def test_a_step_that_fails_for_good_ends_the_run_or_not(
    on_error: str, code: int, ended: str | None
) -> None:
    tree = world(STEPS[0], {**STEPS[1], "on_error": on_error}, STEPS[2], coder=fails)

    tree.ask("build")

    assert tree.end().exit.exit_code == code
    assert dict(steps(tree)).get("test") == ended
    if code:
        assert tree.end().error.error_type == "step_failed"
    assert tree.differences() == []


def test_steps_that_wait_for_nothing_run_at_once() -> None:
    tree = world(
        {"id": "a", "tool": "ask_one"},
        {"id": "b", "tool": "ask_two"},
        {"id": "c", "tool": "ask_three", "depends_on": ("a", "b")},
        one=lambda work: None,
    )

    tree.ask("build")

    assert steps(tree) == [("a", "begun"), ("b", "begun"), ("b", "succeeded")]


def test_a_person_can_be_a_step() -> None:
    tree = world(
        {"id": "ask", "tool": "ask_human", "input": {"question": "Which colour?"}},
        {"id": "paint", "tool": "ask_painter", "depends_on": ("ask",)},
    )
    tree.ask("build")
    asked = next(e.fact for e in tree.events(RUN) if e.type == "HumanInputRequested")

    tree.put(
        topics.CONTROLS,
        AnswerQuestion(
            request_id="a", run_id=RUN, tenant_id=TENANT, actor_id="ada", requested_at=START,
            question_id=asked.question_id, content=request().goal,
        ),
    )  # fmt: skip
    tree.settle()

    assert tree.end().exit.exit_code == 0
    assert "find out" in goals(tree)["painter"]
    assert tree.differences() == []


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ([{"id": "a", "tool": "t"}, {"id": "a", "tool": "t"}], "two steps are named a"),
        ([{"id": "a", "tool": "t", "depends_on": ("x",)}], "depends on x, which is no step"),
        (
            [
                {"id": "a", "tool": "t", "depends_on": ("c",)},
                {"id": "b", "tool": "t", "depends_on": ("a",)},
                {"id": "c", "tool": "t", "depends_on": ("b",)},
            ],
            "steps wait for one another: a > c > b > a",
        ),
        ([{"id": "a", "tool": "t", "depends_on": ("a",)}], "steps wait for one another: a > a"),
    ],
)
def test_what_is_no_graph_is_refused_with_a_sentence(
    steps: list[dict[str, Any]], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        Flow(steps=tuple(FlowStep(**each) for each in steps))


@st.composite
def graphs(draw: st.DrawFn) -> list[dict[str, Any]]:
    count = draw(st.integers(1, 7))
    made: list[dict[str, Any]] = []
    for number in range(count):
        before = [each["id"] for each in made]
        made.append(
            {
                "id": f"s{number}",
                "tool": draw(st.sampled_from(["ask_good", "ask_bad", "ask_moody"])),
                "depends_on": tuple(draw(st.sets(st.sampled_from(before)))) if before else (),
                "attempts": draw(st.integers(1, 3)),
                "on_error": draw(st.sampled_from(["fail", "skip", "continue"])),
            }
        )
    return draw(st.permutations(made))


@given(graphs(), st.integers(0, 2), st.integers(0, 30))
@hypothesis_settings(max_examples=40)
def test_of_any_graph_each_attempt_is_begun_once_and_after_what_it_depends_on(
    given_steps: list[dict[str, Any]], lane: int, lost: int
) -> None:
    moods: dict[str, int] = {}

    def moody(work: ModelWork) -> ModelResult:
        moods[work.run_id] = len(moods)
        return fails(work) if moods[work.run_id] % 2 == 0 else completes(work)

    tree = world(*given_steps, good=by_name, bad=fails, moody=moody)
    tree.put(topics.REQUESTS, request(agent="build", limits=Limits(max_total_tokens=10**6)))
    for number in range(200):
        if number == lost:
            tree.lanes[lane].fail_next_commit = True
        if not sum(tree._settle(each) for each in tree.lanes) and number > lost:
            break

    assert tree.end() is not None
    begun = [(e.fact.step, e.fact.attempt) for e in tree.events(RUN) if e.type == "StepStarted"]
    assert len(begun) == len(set(begun))
    over: set[str] = set()
    depends = {each["id"]: set(each["depends_on"]) for each in given_steps}
    for event in tree.events(RUN):
        if event.type == "StepStarted":
            assert depends[event.fact.step] <= over
        elif event.type == "StepEnded" and event.fact.outcome != "retried":
            over.add(event.fact.step)
    children = tree.children()
    assert len(children) == len(set(children)) == len(begun)
    returned = [e.fact.child_run_id for e in tree.events(RUN) if e.type == "ChildRunEnded"]
    assert set(returned) <= set(children)
    assert len(returned) == len(set(returned))
    assert tree.differences() == []


def test_a_flow_is_spoken_to_by_its_own_questions_alone() -> None:
    tree = world(*STEPS, planner=lambda work: None)
    tree.ask("build")
    common = {"run_id": RUN, "tenant_id": TENANT, "actor_id": "ada", "requested_at": START}

    tree.put(topics.CONTROLS, TakeOverRun(request_id="t", **common))
    tree.put(topics.CONTROLS, SendMessage(request_id="m", content=request().goal, **common))
    tree.settle()

    ignored = [e.fact for e in tree.events(RUN) if e.type == "RequestIgnored"]
    assert {each.control for each in ignored} == {"TakeOverRun", "SendMessage"}
    assert all("flow_has_no_model" in each.reason for each in ignored)
    assert tree.differences() == []


def test_what_depends_on_what_was_skipped_is_skipped_too() -> None:
    chain = [{"id": "a", "tool": "ask_bad", "on_error": "skip"}]
    chain += [{"id": n, "tool": "ask_good", "depends_on": (b,)} for n, b in ("ba", "cb", "dc")]
    tree = world(*chain, bad=fails)

    tree.ask("build")

    assert {name: how for name, how in steps(tree) if how != "begun"} == {
        "a": "failed", "b": "skipped", "c": "skipped", "d": "skipped",
    }  # fmt: skip
    assert tree.end().exit.exit_code == 0


def test_equal_steps_that_meet_a_limit_end_the_run_on_record() -> None:
    same = {"tool": "ask_good", "input": {"goal": "the same"}}
    tree = world(*[{"id": f"s{n}", **same} for n in range(4)])

    tree.ask("build", limits=Limits(max_identical_calls=2))

    assert tree.end().error.error_type == "limit_reached"
    assert tree.letters() == []
    assert tree.differences() == []


def test_large_results_reach_the_next_step_in_part_and_never_too_much() -> None:
    def large(work: ModelWork) -> ModelResult:
        return completes(work, "x" * 90_000)

    many = [{"id": f"s{n}", "tool": "ask_large"} for n in range(15)]
    last = {"id": "last", "tool": "ask_good", "depends_on": tuple(each["id"] for each in many)}
    tree = world(*many, last, large=large)

    tree.ask("build")

    assert tree.end().exit.exit_code == 0
    goal = json.loads(goals(tree)["good"])
    assert set(goal["results"]) == {each["id"] for each in many}
    assert goal["results"]["s0"]["bytes"] > 90_000
    assert tree.letters() == []


def test_half_a_character_in_a_result_harms_nobody() -> None:
    def odd(work: ModelWork) -> ModelResult:
        made = call("complete_task", {"summary": "x"})
        said_ = made.model_copy(
            update={"arguments": content(b'{"summary": "half \\ud800 of it"}', "application/json")}
        )
        return said(work, said_)

    tree = world(
        {"id": "a", "tool": "ask_odd"},
        {"id": "b", "tool": "ask_good", "depends_on": ("a",)},
        odd=odd,
    )

    tree.ask("build")

    assert tree.end() is not None
    assert tree.differences() == []
