"""Detectors of brakes: what each one finds, with its score and its evidence, and what it leaves."""

from __future__ import annotations

from decimal import Decimal

import pytest

from runfold.events import run as j
from runfold.events.contents.content import text
from runfold.events.records import commands
from runfold.events.run import BrakeAction
from runfold.events.values import Usage
from runfold.processors.run.lifecycle.deadlines import next_timer
from runfold.processors.run.state import Ended
from tests.deciders.braking import answered, braked, brakes_of, fails, hears, plans, then, works
from tests.deciders.given import RUN, broke, call, came_back, control
from tests.spec import Story


def test_a_call_that_succeeds_ends_the_streak_and_a_refused_one_is_part_of_it() -> None:
    run = braked(error_streak=then("stop"))
    run = fails(works(fails(run, "a"), "b"), "c")
    assert brakes_of(run) == []
    run = answered(run, call("fly"))
    assert run.only(j.BrakeApplied).score == "2"
    assert isinstance(run.state, Ended)


def test_a_tool_that_is_tried_again_is_one_failure() -> None:
    run = answered(braked(error_streak=then("stop")), call("look"))
    run = run.when(broke(2))
    timer = next_timer(run.run)
    assert timer is not None
    run = run.after(60).when(timer).when(broke(2, attempt=2))
    assert run.names()[-1] == "ModelCalled"
    assert brakes_of(run) == []


def test_the_same_call_again_and_again() -> None:
    run = works(braked(same_calls=then("ask", threshold=3)), "a", "b", "a", "a ")
    assert brakes_of(run) == []
    run = works(run, "a")
    brake = run.only(j.BrakeApplied)
    assert (brake.score, brake.evidence) == ("3", (f"{RUN}.2", f"{RUN}.6", f"{RUN}.10"))


def test_nearly_the_same_call_again_and_again() -> None:
    run = works(braked(similar_calls=then("ask", threshold=3)), "The log.", "the  LOG")
    assert brakes_of(run) == []
    assert works(run, "another log").names()[-1] == "ModelCalled"
    brake = works(run, "the log?").only(j.BrakeApplied)
    assert (brake.pattern, brake.score) == ("similar_calls", "3")
    assert "look" in brake.reason


def test_a_plan_that_does_not_move() -> None:
    run = plans(braked(no_progress=then("hand_over", threshold=3)), "pending", "pending")
    run = works(run, "a")
    run = plans(run, "done", "pending")
    run = works(run, "b", "c")
    assert brakes_of(run) == []
    run = plans(run, "done", "pending")
    brake = run.only(j.BrakeApplied)
    assert (brake.score, brake.action) == ("3", BrakeAction.HAND_OVER)
    assert b"hands worker over to a person" in (
        run.only(j.HumanInputRequested).question.inline or b""
    )


def test_without_a_plan_there_is_nothing_to_progress_against() -> None:
    assert brakes_of(works(braked(no_progress=then("stop", threshold=1)), "a", "b")) == []


@pytest.mark.parametrize(
    ("paths", "times"),
    [("abab", 2), ("abcabc", 2), ("aabaab", 2), ("ababab", 3), ("abcdabcd", 2)],
)
def test_calls_in_turn(paths: str, times: int) -> None:
    run = works(braked(oscillation=then("ask", threshold=times)), *paths[:-1])
    assert brakes_of(run) == []
    brake = works(run, paths[-1]).only(j.BrakeApplied)
    assert brake.score == str(times)
    assert len(brake.evidence) == len(paths)


@pytest.mark.parametrize("paths", ["aaaa", "abac", "abcd", "abba"])
def test_no_calls_in_turn(paths: str) -> None:
    assert brakes_of(works(braked(oscillation=then("stop")), *paths)) == []


def test_a_plan_that_goes_to_and_fro() -> None:
    run = braked(oscillation=then("ask"))
    for status in ("pending", "in_progress", "pending"):
        run = plans(run, status)
    assert brakes_of(run) == []
    assert plans(run, "in_progress").only(j.BrakeApplied).evidence == ("plan",)


def test_money_that_goes_too_fast_slows_the_run() -> None:
    run = braked(cost_velocity=then("slow", threshold="0.5", slow_ms=90_000))
    run = answered(run, call("look"), cost=Decimal("0.30")).when(came_back(2))
    assert brakes_of(run) == []
    run = answered(run, call("look"), cost=Decimal("0.20")).when(came_back(4))
    brake = run.only(j.BrakeApplied)
    assert (brake.score, brake.threshold, brake.action) == ("0.5", "0.5", BrakeAction.SLOW)
    assert run.names()[-1] == "BrakeApplied"
    assert run.run.loop.model_call is None

    run = run.when(control(commands.SendMessage, "m1", content=text("mind the money")))
    assert run.names() == ["UserMessageReceived"], "what is said meanwhile waits as well"
    timer = next_timer(run.run)
    assert timer is not None
    assert timer.due == brake.due
    assert timer.kind == "brake1"
    run = run.after((timer.due - run.now).total_seconds()).when(timer)
    assert run.names() == ["ContextHydrated", "ModelCalled"]
    assert len(brakes_of(run)) == 1, "what was spent before the wait is no evidence again"
    assert next_timer(run.run) != timer


def test_a_slow_run_that_spends_as_much_is_not_too_fast() -> None:
    run = braked(cost_velocity=then("stop", threshold="0.5"))
    for n in (1, 3, 5):
        run = answered(run.after(120), call("look"), cost=Decimal("0.60")).when(came_back(n + 1))
    assert brakes_of(run) == []


def test_tokens_that_go_too_fast() -> None:
    run = braked(token_velocity=then("stop", threshold=1000))
    used = Usage(input_tokens=900, output_tokens=100)
    run = answered(run, call("look"), usage=used).when(came_back(2))
    assert run.only(j.BrakeApplied).score == "1000"
    assert isinstance(run.state, Ended)


def test_time_that_a_person_takes_is_no_time_of_work() -> None:
    run = braked(token_velocity=then("stop", threshold=1000))
    run = answered(run, call("ask_human", {"question": "which?"}))
    run = hears(run.after(36_000), "this one")
    used = Usage(input_tokens=990, output_tokens=0)
    run = answered(run, call("look"), usage=used).when(came_back(4))
    assert run.only(j.BrakeApplied).score == "1100"


def test_a_step_that_is_done_by_a_tool_that_never_succeeded() -> None:
    run = fails(braked(unfounded_claims=then("think_again", threshold=1)), "a")
    run = plans(run, "done", tool="look")
    brake = run.only(j.BrakeApplied)
    assert (brake.score, brake.evidence) == ("1", ("step/1",))
    again = plans(run, "done", tool="look")
    assert brakes_of(again)[-1].times == 2, "what is said again is new evidence"
    run = plans(works(run, "a"), "done", "pending", tool="look")
    assert len(brakes_of(run)) == 1


def test_a_step_without_a_tool_of_the_run_is_not_judged() -> None:
    run = braked(unfounded_claims=then("stop", threshold=1))
    run = plans(plans(plans(run, "done"), "done", tool="by hand"), "pending", tool="look")
    assert brakes_of(run) == []


CLAIMS = {"claims": {"sent": "send", "file_written": "write"}}


def completes(run: Story, summary: str, **result: object) -> Story:
    return answered(run, call("complete_task", {"summary": summary, "result": result}))


def test_a_completion_that_claims_what_no_tool_did_is_not_taken() -> None:
    brake = then("think_again", "stop", threshold=1, **CLAIMS)
    run = completes(braked(unfounded_claims=brake), "The mail was SENT.")
    assert run.names() == [
        "ModelResponded",
        "ToolCallProposed",
        "PolicyDecided",
        "ToolCallDenied",
        "ContextHydrated",
        "BrakeApplied",
        "ModelCalled",
    ]
    denied = run.only(j.ToolCallDenied)
    assert denied.code == "unfounded_claim"
    assert "'sent'" in denied.reason
    assert "send" in denied.reason
    assert run.only(j.BrakeApplied).evidence == (denied.call_id,)
    assert run.run.loop.malformed == 0
    assert completes(works(run, "a", tool="send"), "Sent.").names()[-1] == "RunCompleted"
    assert completes(run, "all sent").names()[-1] == "RunFailed"


def test_a_completion_that_is_denied_for_its_claim_is_no_error_besides() -> None:
    claims = then("think_again", threshold=1, **CLAIMS)
    run = braked(unfounded_claims=claims, error_streak=then("stop", threshold=1))
    assert completes(run, "sent").names()[-1] == "ModelCalled"


def test_a_claim_stands_in_the_result_as_well() -> None:
    run = braked(unfounded_claims=then("ask", threshold=1, **CLAIMS))
    assert completes(run, "done", file_written=True).names()[-1] == "CheckpointWritten"
    assert completes(run, "done", file_written=False).names()[-1] == "RunCompleted"
    assert completes(run, "it is absent").names()[-1] == "RunCompleted"
    assert answered(run, call("fail_task", {"reason": "not sent"})).names()[-1] == "RunFailed"
