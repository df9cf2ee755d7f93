"""Where a call was cut off, the tool itself is asked before a person is [93]."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from runfold.events.calls import Outcome
from runfold.processors.tool import ToolContext, contract_of, tool
from runfold.processors.tool.claims.memory import ClaimTable, MemoryClaims
from runfold.processors.tool.claims.port import ClaimRequest, Told
from runfold.processors.tool.errors import ClaimsUnavailableError
from tests.tool.given import Bench, error_type, said

effects: list[str] = []
asked: list[str] = []
answers: list[object] = []


def truth(idempotency_key: str) -> object:
    asked.append(idempotency_key)
    answer = answers.pop(0)
    if isinstance(answer, Exception):
        raise answer
    return answer


async def truth_with_context(idempotency_key: str, context: ToolContext) -> object:
    assert context.idempotency_key == idempotency_key
    return truth(idempotency_key)


@tool(risk_level=3, reconcile=truth)
def pay(amount: int, context: ToolContext) -> str:
    effects.append(context.idempotency_key)
    if amount < 0:
        raise ConnectionResetError("gone in the middle")
    return "paid"


@tool(risk_level=3, timeout_ms=50, reconcile=truth)
async def overruns(context: ToolContext) -> str:
    effects.append(context.idempotency_key)
    await asyncio.sleep(5)
    return "paid"


@tool(risk_level=3, reconcile=truth_with_context)
def pay_async(amount: int) -> str:
    effects.append("async")
    return "paid"


@pytest.fixture(autouse=True)
def _fresh() -> None:
    for seen in (effects, asked, answers):
        seen.clear()


def _bench(function: Callable[..., Any], table: ClaimTable | None = None) -> Bench:
    return Bench(function, claims=MemoryClaims(table or ClaimTable()), modules=(__name__,))


def _after_a_death(function: Callable[..., Any], arguments: object) -> Bench:
    table = ClaimTable()
    dead = MemoryClaims(table)

    class Dies(MemoryClaims):
        async def claim(self, wanted: ClaimRequest) -> Told:
            await dead.claim(wanted)
            dead.die()
            raise ClaimsUnavailableError("dead")

    Bench(function, claims=Dies(table), modules=(__name__,)).call(arguments)
    return _bench(function, table)


PAY = {"amount": 7}


def test_it_happened_so_the_run_goes_on_and_nothing_is_done_again() -> None:
    bench = _after_a_death(pay, PAY)
    answers.append("happened")
    result = bench.call(PAY)
    assert (result.outcome, said(result)) == (Outcome.SUCCEEDED, {"reconciled": "happened"})
    assert (effects, len(asked)) == ([], 1)
    # The claim is finished: a repeat is answered, and nobody is asked again.
    again = bench.call(PAY)
    assert (again.repeated, len(asked)) == (True, 1)


def test_it_did_not_happen_so_it_is_done_now() -> None:
    bench = _after_a_death(pay, PAY)
    answers.append("did_not")
    result = bench.call(PAY)
    assert (result.outcome, said(result)) == (Outcome.SUCCEEDED, "paid")
    assert len(effects) == 1


@pytest.mark.parametrize("answer", ["unknown", "perhaps", None, OSError("not there")])
def test_where_the_tool_cannot_tell_a_person_is_asked(answer: object) -> None:
    bench = _after_a_death(pay, PAY)
    answers.append(answer)
    result = bench.call(PAY)
    assert (result.outcome, error_type(result)) == (Outcome.UNCERTAIN, "owner_died")
    assert effects == []


def test_an_error_in_the_middle_is_settled_by_the_tool() -> None:
    bench = _bench(pay)
    answers.extend(["happened", "did_not"])
    result = bench.call({"amount": -1})
    assert result.outcome is Outcome.SUCCEEDED
    failed = bench.call({"amount": -1}, idempotency_key="another")
    assert failed.outcome is Outcome.FAILED
    assert failed.error is not None
    assert failed.error.retryable


def test_that_an_overrunning_call_did_not_happen_is_not_believed() -> None:
    bench = _bench(overruns)
    answers.extend(["did_not", "happened"])
    assert bench.call(timeout_ms=50).outcome is Outcome.UNCERTAIN
    other = bench.call(idempotency_key="another", timeout_ms=50)
    assert other.outcome is Outcome.SUCCEEDED


def test_a_reconciler_may_be_a_coroutine_with_a_context() -> None:
    bench = _after_a_death(pay_async, PAY)
    answers.append("happened")
    assert bench.call(PAY).outcome is Outcome.SUCCEEDED
    assert (effects, len(asked)) == ([], 1)


def test_a_call_that_ends_is_not_asked_about() -> None:
    assert _bench(pay).call(PAY).outcome is Outcome.SUCCEEDED
    assert asked == []


def test_a_reconciler_is_no_part_of_the_contract() -> None:
    assert contract_of(pay).name == "pay"
    assert "reconcile" not in contract_of(pay).model_dump()
