"""The loop: model, calls, replies, and the only ways out of it."""

from __future__ import annotations

import json
from decimal import Decimal

from runfold.events import run as j
from runfold.events.calls import Role
from runfold.events.contents.content import text
from runfold.events.values import Limits, RunStatus
from runfold.processors.run.state import Ended
from tests.deciders.given import (
    RUN,
    answer,
    begun,
    broken_call,
    call,
    came_back,
    done,
    model_error,
)


def test_complete_task_ends_the_run_with_the_exit_record() -> None:
    run = begun().when(done("all found"))
    assert run.names() == ["ModelResponded", "RunCompleted"]
    exit_ = run.only(j.RunCompleted).exit
    assert (exit_.status.value, exit_.exit_code, exit_.signal) == ("success", 0, "complete")
    assert json.loads(exit_.payload.inline or b"") == {"summary": "all found"}
    assert exit_.usage.total_tokens == 110
    assert exit_.usage.cost_usd == Decimal("0.01")
    assert exit_.usage.latency_ms == 1000
    assert run.state == Ended(RunStatus.COMPLETED, "acme", begun().run.traceparent)


def test_fail_task_ends_it_as_failed() -> None:
    run = begun().when(answer(call("fail_task", {"reason": "no access"})))
    failed = run.only(j.RunFailed)
    assert failed.exit.exit_code == 1
    assert failed.error.message == "no access"


def test_a_permitted_call_is_decided_started_and_taken_into_the_context() -> None:
    run = begun().when(answer(call("look")))
    assert run.names() == [
        "ModelResponded",
        "ToolCallProposed",
        "PolicyDecided",
        "ToolCallApproved",
        "ToolCallStarted",
    ]
    assert run.run.status is RunStatus.RUNNING_TOOL
    run = run.when(came_back(2, {"lines": 3}))
    assert run.names() == [
        "ToolCallSucceeded",
        "CheckpointWritten",
        "ContextHydrated",
        "ModelCalled",
    ]
    assert [message.role for message in run.run.loop.transcript.messages] == [
        Role.USER,
        Role.ASSISTANT,
        Role.TOOL,
    ]
    assert run.run.loop.transcript.messages[-1].call_id == "c1"
    assert run.only(j.ContextHydrated).digest == run.run.loop.transcript.digest
    assert run.only(j.CheckpointWritten).completed[0].status == "succeeded"


def test_several_calls_at_once_wait_for_each_other() -> None:
    run = begun().when(answer(call("look"), call("look", {"path": "b"}, "c2")))
    run = run.when(came_back(3, "second"))
    assert run.names() == ["ToolCallSucceeded", "CheckpointWritten"]
    assert run.run.status is RunStatus.RUNNING_TOOL
    run = run.when(came_back(2, "first"))
    assert run.names()[-1] == "ModelCalled"
    replies = [m for m in run.run.loop.transcript.messages if m.role is Role.TOOL]
    assert [reply.call_id for reply in replies] == ["c1", "c2"]


def test_an_answer_without_a_call_is_handed_back_a_bounded_number_of_times() -> None:
    run = begun().when(answer())
    assert run.names() == [
        "ModelResponded",
        "ReflectionRecorded",
        "ContextHydrated",
        "ModelCalled",
    ]
    assert run.run.loop.transcript.messages[-1].role is Role.USER
    run = run.when(answer(n=2), answer(n=3))
    failed = run.only(j.RunFailed)
    assert (failed.exit.exit_code, failed.error.error_type) == (4, "unusable_answers")


def test_a_usable_answer_forgives_the_unusable_ones() -> None:
    run = begun().when(answer(), answer(n=2), answer(call("look"), n=3))
    assert run.run.loop.malformed == 0
    assert run.run.counters.malformed_answers == 2


def test_an_unknown_tool_is_denied_and_the_model_is_told_the_tools() -> None:
    run = begun().when(answer(call("fly")))
    assert run.only(j.PolicyDecided).effect is j.PolicyEffect.FORBID
    assert "look" in run.only(j.ToolCallDenied).reason
    assert not [fact for fact in run.said if isinstance(fact, j.ToolCallStarted)]
    roles = [message.role for message in run.run.loop.transcript.messages]
    assert roles == [Role.USER, Role.ASSISTANT, Role.TOOL]
    assert run.run.loop.transcript.messages[-1].is_error


def test_unknown_tools_for_ever_end_the_run() -> None:
    run = begun().when(answer(call("fly")), answer(call("fly"), n=3), answer(call("fly"), n=5))
    assert run.only(j.RunFailed).error.error_type == "unusable_answers"


def test_malformed_arguments_are_answered_back() -> None:
    run = begun().when(answer(broken_call("look")))
    assert "not JSON" in run.only(j.ToolCallDenied).reason
    assert run.names()[-1] == "ModelCalled"


def test_an_exit_beside_other_calls_is_put_off() -> None:
    run = begun().when(answer(call("look"), call("complete_task", {"summary": "x"}, "c2")))
    assert "alone" in run.only(j.ToolCallDenied).reason
    assert run.only(j.ToolCallStarted).tool == "look"


def test_an_exit_without_its_argument_is_put_off() -> None:
    run = begun().when(answer(call("complete_task", {})))
    assert "summary" in run.only(j.ToolCallDenied).reason


def test_a_model_that_is_busy_is_called_again_after_a_pause() -> None:
    run = begun().when(model_error())
    assert run.names() == ["ModelFailed", "RetryScheduled"]
    assert run.run.status is RunStatus.WAITING_FOR_MODEL
    # Too late, but paid for.
    assert run.when(done()).names() == ["LateResultNoted"]


def test_a_model_that_stays_away_fails_the_run() -> None:
    run = begun().when(model_error(retryable=False))
    assert run.only(j.RunFailed).exit.exit_code == 4


def test_a_late_or_repeated_answer_changes_nothing() -> None:
    run = begun().when(answer(call("look")))
    assert run.when(answer(call("look"))).said == ()
    assert run.when(answer(call("look"), attempt=2)).said == ()


def test_a_price_that_is_not_known_is_counted_not_guessed() -> None:
    run = begun().when(
        answer(call("complete_task", {"summary": "x"}), cost=None),
    )
    usage = run.only(j.RunCompleted).exit.usage
    assert (usage.unpriced_calls, usage.cost_usd) == (1, Decimal(0))


def test_the_plan_is_recorded_and_can_be_revised() -> None:
    steps = {"steps": [{"id": "1", "description": "look", "status": "pending"}]}
    run = begun().when(answer(call("update_plan", steps)))
    assert run.only(j.PlanProposed).plan.steps[0].description == "look"
    assert run.names()[-1] == "ModelCalled"
    run = run.when(answer(call("update_plan", steps), n=3))
    assert run.only(j.PlanRevised).plan.plan_id == f"{RUN}.plan"


def test_every_limit_ends_the_run_on_record() -> None:
    run = begun(limits=Limits(max_model_calls=1)).when(answer(call("look")), came_back(2))
    assert run.only(j.LimitReached).limit == "max_model_calls"
    assert run.only(j.RunFailed).exit.exit_code == 3
    run = begun(limits=Limits(max_tool_calls=1)).when(
        answer(call("look"), call("look", {"path": "b"}, "c2"))
    )
    assert run.only(j.LimitReached).limit == "max_tool_calls"
    run = begun(limits=Limits(max_identical_calls=1)).when(
        answer(call("look")), came_back(2), answer(call("look"), n=3)
    )
    assert run.only(j.LimitReached).limit == "max_identical_calls"
    run = begun(limits=Limits(max_reflections=1)).when(answer(), answer(n=2))
    assert run.only(j.LimitReached).limit == "max_reflections"
    run = begun(limits=Limits(max_total_tokens=100)).when(answer(call("look")), came_back(2))
    assert run.only(j.LimitReached).limit == "max_total_tokens"


def test_money_is_reserved_before_the_call_and_settled_after_it() -> None:
    run = begun(limits=Limits(max_cost=Decimal("0.025")))
    assert run.only(j.BudgetReserved).amount == 0
    run = run.when(answer(call("look")))
    assert run.only(j.BudgetSettled).spent_after == Decimal("0.01")
    run = run.when(came_back(2))
    assert run.only(j.BudgetReserved).amount == Decimal("0.01")
    run = run.when(answer(call("look", {"path": "b"}), n=3), came_back(4))
    assert run.only(j.LimitReached).limit == "max_cost"


def test_the_words_of_the_model_are_not_in_the_decision_record_whole() -> None:
    long = "word " * 100
    run = begun().when(
        answer(
            call("look"),
            answer=answer(call("look")).answer.model_copy(  # type: ignore[union-attr]
                update={"text": text(long)}
            ),
        )
    )
    assert run.only(j.ModelResponded).decision.decision_type == "tool_call"
    assert len(run.only(j.ModelResponded).decision.summary) == 200
