"""What was paid for and came too late is counted, and counted once."""

from __future__ import annotations

from decimal import Decimal

from runfold.events import run as j
from runfold.events.calls import ModelResult, Outcome, ToolResult
from runfold.events.records import commands
from runfold.events.values import Limits
from tests.deciders.given import (
    LOOK,
    RUN,
    SEND,
    WRITE,
    agent,
    answer,
    begun,
    broke,
    call,
    came_back,
    control,
    definitions,
    done,
    due,
    request,
)
from tests.spec import Story

PRICE = Decimal("0.002")
ANSWER = Decimal("0.01")
HAPPENED = control(
    commands.ResolveToolCall, call_id=f"{RUN}.2", resolution=commands.Resolution.HAPPENED
)
NOT_DONE = control(
    commands.ResolveToolCall, call_id=f"{RUN}.2", resolution=commands.Resolution.DID_NOT_HAPPEN
)


def paid(n: int = 2, attempt: int = 1) -> ToolResult:
    return came_back(n, attempt=attempt, cost=PRICE)


def unsure() -> ToolResult:
    return came_back(2, outcome=Outcome.UNCERTAIN, result=None, effect=True, cost=PRICE)


def looking() -> Story:
    return begun().when(answer(call("look")))


def sending() -> Story:
    dear = SEND.model_copy(update={"cost_usd": PRICE})
    return Story(definitions(LOOK, WRITE, dear, agent())).when(request(), answer(call("send")))


def nothing_follows(story: Story, *results: ToolResult | ModelResult) -> bool:
    return all(story.when(result).said == () for result in results)


def test_an_answer_that_was_given_up_is_paid_and_not_heard() -> None:
    lost = due(begun())
    assert lost.names() == ["ModelFailed", "RetryScheduled"]
    late = lost.when(done())
    noted = late.only(j.LateResultNoted)
    assert (noted.cost, noted.attribution is not None) == (ANSWER, True)
    assert noted.answer is not None
    assert (noted.answer.model, noted.answer.usage.input_tokens) == ("scripted:x", 100)
    assert (late.run.counters.cost, late.run.counters.input_tokens) == (ANSWER, 100)
    assert nothing_follows(late, done())
    ended = due(late).when(answer(call("complete_task", {"summary": "so"}), attempt=2))
    assert ended.only(j.RunCompleted).exit.usage.cost_usd == 2 * ANSWER


def test_an_answer_that_was_given_up_is_unpriced_where_it_has_no_price() -> None:
    late = due(begun()).when(done().model_copy(update={"cost": None}))
    assert late.only(j.LateResultNoted).cost is None
    assert late.run.counters.unpriced_calls == 1


def test_an_answer_that_was_heard_is_not_paid_again() -> None:
    assert nothing_follows(looking(), answer(call("look")), answer(call("look"), attempt=2))


def test_a_failure_that_comes_late_costs_nothing() -> None:
    failed = answer(outcome=Outcome.FAILED, answer=None, usage=None, cost=None)
    assert nothing_follows(due(begun()), failed)


def test_a_tool_s_late_result_is_paid_once_for_each_attempt() -> None:
    run = due(due(looking()))
    assert run.only(j.ToolCallStarted).attempt == 2
    late = run.when(paid())
    noted = late.only(j.LateResultNoted)
    assert (noted.tool, noted.cost) == ("look", PRICE)
    assert nothing_follows(late, paid())
    ended = late.when(paid(attempt=2))
    assert ended.only(j.ToolCallSucceeded).cost == PRICE
    assert ended.run.counters.cost == ANSWER + 2 * PRICE
    assert nothing_follows(ended, paid(), paid(attempt=2))


def test_a_late_result_of_a_round_that_is_over_still_names_its_tool() -> None:
    run = due(due(due(looking())))
    assert run.names()[-1] == "ModelCalled"
    noted = run.when(paid(attempt=2)).only(j.LateResultNoted)
    assert (noted.tool, noted.cost) == ("look", PRICE)


def test_a_failure_that_told_its_cost_is_not_paid_again() -> None:
    failed = broke(2).model_copy(update={"cost": PRICE})
    run = looking().when(failed)
    assert run.only(j.ToolCallFailed).cost == PRICE
    assert nothing_follows(run, failed, paid())


def test_doubt_is_paid_when_it_is_told() -> None:
    run = sending().when(unsure())
    assert run.only(j.ToolCallUncertain).cost == PRICE
    assert run.run.counters.cost == ANSWER + PRICE
    settled = run.when(HAPPENED)
    assert settled.only(j.ToolCallSucceeded).cost is None
    assert settled.run.counters.cost == ANSWER + PRICE
    real = run.when(paid())
    assert real.only(j.ToolCallSucceeded).cost is None


def test_doubt_that_nobody_told_of_is_paid_by_the_contract_when_it_happened() -> None:
    run = due(sending())
    assert run.only(j.ToolCallUncertain).cost is None
    assert run.when(HAPPENED).only(j.ToolCallSucceeded).cost == PRICE


def test_doubt_that_is_told_after_it_was_assumed_is_paid_and_still_open() -> None:
    run = due(sending()).when(unsure())
    assert run.only(j.LateResultNoted).cost == PRICE
    assert nothing_follows(run, unsure())
    # What the attempt did in the end is news after all.
    again = run.when(NOT_DONE).when(came_back(2, effect=True, cost=PRICE))
    noted = again.only(j.LateResultNoted)
    assert (noted.outcome, noted.cost) == ("succeeded", None)
    assert again.run.counters.cost == ANSWER + PRICE


def test_what_came_late_uses_up_the_budget() -> None:
    limits = Limits(max_cost=Decimal("0.015"))
    run = due(Story(definitions()).when(request(limits=limits)))
    run = due(run.when(done()))
    ended = run.when(answer(call("look"), attempt=2)).when(came_back(2))
    assert ended.only(j.LimitReached).limit == "max_cost"
