"""A judge is asked how far a run has drifted from its goal; without a verdict the run goes on."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from runfold.events import run as j
from runfold.events.calls import ModelResult, ModelWork
from runfold.events.contents.content import text
from runfold.events.definitions.agents.brakes import faults_of
from runfold.events.records import commands
from runfold.events.run import BrakeAction
from runfold.events.tenant import AdmissionAnswered, CallRates, Verdict
from runfold.events.values import RunStatus
from runfold.processors.run.agent.models.judging import MOST_SHOWN, SCHEMA
from runfold.processors.run.dispatch import dispatch
from runfold.processors.run.state_hash import state_hash
from tests.deciders.braking import NO_LIMITS, brakes_of, then, works
from tests.deciders.given import (
    LOOK,
    RUN,
    answer,
    begins,
    call,
    control,
    due,
    model_error,
    request,
)
from tests.deciders.governed import governed
from tests.spec import Story
from tests.tenant.given import policy

RUBRIC = "It keeps to the files it was asked for."


def drifting(*reactions: str, rules: tuple[str, ...] = (), **more: Any) -> Story:
    judge = {"rubric": RUBRIC, "every": 2, "model": "scripted:judge", **more.pop("judge", {})}
    brake = then(*(reactions or ("think_again",)), threshold=70, judge=judge)
    limits = {**NO_LIMITS, **more.pop("limits", {})}
    known = governed(*rules, tools=(LOOK,), brakes={"goal_drift": brake}, limits=limits, **more)
    return Story(known).when(request())


def number(run: Story) -> int:
    (out,) = [each for each in run.run.loop.calls if each.kind == "judge"]
    return int(out.call_id.rpartition(".")[2])


def verdict(run: Story, score: object, **more: Any) -> ModelResult:
    said = call("give_verdict", {"score": score, "reason": "it reads other files"})
    return answer(said, n=number(run), **{"model": "scripted:judge", **more})


def due_after_two() -> Story:
    return works(drifting(), "a", "b")


def work_of(run: Story) -> ModelWork:
    made = [each.record for fact in run.said for each in dispatch(fact, run.run, run.definitions)]
    (work,) = [each for each in made if isinstance(each, ModelWork)]
    return work


def test_the_judge_is_asked_after_its_interval_of_answers() -> None:
    run = works(drifting(), "a")
    assert run.names()[-1] == "ModelCalled"
    run = works(run, "b")
    assert run.names()[-2:] == ["ContextHydrated", "JudgeCalled"]
    assert run.only(j.JudgeCalled).model == "scripted:judge"
    assert run.run.status is RunStatus.WAITING_FOR_MODEL
    work = work_of(run)
    assert work.model == "scripted:judge"
    assert RUBRIC.encode() in (work.instructions.inline or b"")
    assert work.tools == (SCHEMA,)
    assert work.messages[0].content == text("find out")
    assert run.run.counters.model_calls == 2, "it is no call of the agent's model"


def test_its_call_counts_for_the_rate_of_calls_to_models() -> None:
    judge = {"rubric": RUBRIC, "every": 2, "model": "scripted:judge"}
    brake = then("think_again", threshold=70, judge=judge)
    known = governed(tools=(LOOK,), brakes={"goal_drift": brake}, limits=NO_LIMITS)
    run = Story(known.plus("tenant_policy", policy().body(), 100)).when(request())
    rates = CallRates(model_calls=1)
    run = run.when(AdmissionAnswered(run_id=RUN, verdict=Verdict.GRANTED, rates=rates))
    run = due(works(due(works(run, "a")), "b"))
    assert run.names() == ["ContextHydrated", "JudgeCalled"]
    run = run.when(verdict(run, 10))
    assert run.names() == ["JudgeAnswered", "CallsPaced"]
    assert due(run).names()[-1] == "ModelCalled"


def test_what_a_judge_costs_may_be_told_after_the_end_of_the_run() -> None:
    known = drifting().definitions.plus("tenant_policy", policy().body(), 100)
    run = Story(known).when(request())
    run = run.when(AdmissionAnswered(run_id=RUN, verdict=Verdict.GRANTED))
    run = works(run, "a", "b")
    out = number(run)
    run = run.when(control(commands.CancelRun, reason="enough"))
    assert run.only(j.RunSettled).open == (f"{RUN}.{out}/1",)


def test_a_judge_reads_the_goal_and_the_newest_of_what_was_said() -> None:
    paths = [str(n) for n in range(30)]
    run = works(drifting(judge={"every": 30}), *paths)
    shown = work_of(run).messages
    assert len(shown) == MOST_SHOWN + 2
    assert shown[0].content == text("find out")
    assert b"give_verdict" in (shown[-1].content.inline or b"")  # type: ignore[union-attr]


def test_a_verdict_above_the_threshold_is_a_brake_with_its_score_on_record() -> None:
    run = due_after_two()
    judged = number(run)
    run = run.when(verdict(run, 85))
    assert run.names() == ["JudgeAnswered", "ContextHydrated", "BrakeApplied", "ModelCalled"]
    brake = run.only(j.BrakeApplied)
    assert (brake.pattern, brake.score, brake.threshold) == ("goal_drift", "85", "70")
    assert (brake.action, brake.times) == (BrakeAction.THINK_AGAIN, 1)
    assert brake.evidence == (f"{run.run.run_id}.{judged}",)
    assert run.only(j.JudgeAnswered).score == 85
    # Once: the next answer alone is no new evidence.
    assert brakes_of(works(run, "c"))[1:] == []


def test_a_verdict_below_it_changes_nothing() -> None:
    run = due_after_two()
    run = run.when(verdict(run, 69))
    assert run.names() == ["JudgeAnswered", "ContextHydrated", "ModelCalled"]


@pytest.mark.parametrize("score", [None, "90", 101, -1, True, 90.0])
def test_what_is_no_verdict_is_none(score: object) -> None:
    run = due_after_two()
    run = run.when(verdict(run, score))
    assert run.only(j.JudgeAnswered).score is None
    assert run.names()[-1] == "ModelCalled"


def test_words_without_a_verdict_are_none() -> None:
    run = due_after_two()
    assert run.when(answer(n=number(run))).only(j.JudgeAnswered).score is None


def test_a_judge_that_fails_leaves_no_verdict_and_is_asked_again_after_its_interval() -> None:
    run = due_after_two()
    run = run.when(model_error(number(run)))
    assert run.names() == ["JudgeFailed", "ContextHydrated", "ModelCalled"]
    assert "JudgeCalled" not in works(run, "c").names()
    assert works(run, "c", "d").names()[-1] == "JudgeCalled"


def test_a_judge_that_is_silent_holds_nobody_up() -> None:
    run = due(due_after_two())
    assert run.names() == ["JudgeFailed", "ContextHydrated", "ModelCalled"]


def test_its_cost_is_the_runs_and_so_is_one_that_came_too_late() -> None:
    run = due_after_two()
    run = run.when(verdict(run, 10, cost="0.30"))
    assert run.run.counters.cost == Decimal("0.32")
    silent = due_after_two()
    late = verdict(silent, 10, cost="0.30")
    gone = due(silent).when(late)
    assert gone.only(j.LateResultNoted).cost == Decimal("0.30")


def test_money_that_does_not_suffice_for_a_verdict_ends_no_run() -> None:
    run = works(drifting(limits={"max_cost": Decimal("0.029")}), "a", "b")
    assert "JudgeCalled" not in run.names()
    assert not any(isinstance(fact, j.JudgeCalled) for fact in run.facts)


def test_money_is_set_aside_for_it() -> None:
    run = works(drifting(limits={"max_cost": Decimal(1)}), "a", "b")
    assert run.names()[-2:] == ["BudgetReserved", "JudgeCalled"]
    run = run.when(verdict(run, 3))
    assert run.names()[:2] == ["JudgeAnswered", "BudgetSettled"]


def test_a_policy_that_forbids_its_model_leaves_no_verdict() -> None:
    rule = """forbid(principal, action == Action::"model.use", resource == Model::"scripted:judge");
    permit(principal, action == Action::"tool.call", resource);"""
    run = works(drifting(rules=(rule,)), "a", "b")
    failed = run.only(j.JudgeFailed)
    assert failed.error.error_type == "stopped"
    assert run.names()[-1] == "ModelCalled"
    # Its number is taken: no other call has it.
    assert run.only(j.ModelCalled).call_id != failed.call_id


def test_it_begins_by_permission() -> None:
    run = due_after_two()
    assert run.when(begins(number(run))).only(j.CallBegun).kind == "judge"


def test_the_state_that_checkpoints_name_covers_the_verdict() -> None:
    run = due_after_two()
    other = run.when(verdict(run, 10))
    assert state_hash(other.run) != state_hash(run.when(verdict(run, 11)).run)


@pytest.mark.parametrize(
    ("detector", "judged", "fault"),
    [("goal_drift", False, True), ("goal_drift", True, False), ("error_streak", True, True)],
)
def test_only_goal_drift_has_a_judge(detector: str, judged: bool, fault: bool) -> None:
    found = list(faults_of(detector, Decimal(3), ("ask",), {}, judged=judged))
    assert bool(found) is fault


def test_a_judge_that_is_withdrawn_is_paid_for_and_its_money_is_free_again() -> None:
    run = works(drifting(limits={"max_cost": Decimal(1)}), "a", "b")
    judged = verdict(run, 10)
    run = run.when(control(commands.TakeOverRun, "take", actor_id="ann"))
    assert "CallWithdrawn" in run.names()
    before = run.run.counters.cost
    assert run.run.budget.reserved > 0
    run = run.when(judged)
    assert run.names() == ["LateResultNoted", "BudgetSettled"]
    assert run.run.counters.cost == before + Decimal("0.01")
    assert run.run.budget.reserved == 0
    assert run.when(judged).said == ()
