"""What a tool costs: declared by its contract, said by its processor, counted by the run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from runfold.events import run as j
from runfold.events.calls import Outcome
from runfold.events.contents.content import canonical_json
from runfold.events.records import commands
from runfold.events.values import Limits
from runfold.processors.tool import contract_of
from tests.deciders.given import (
    LOOK,
    RUN,
    SEND,
    WRITE,
    agent,
    answer,
    broke,
    call,
    came_back,
    control,
    definitions,
    request,
)
from tests.spec import Story
from tests.tool import samples
from tests.tool.given import Bench

PRICE = Decimal("0.002")


def priced(tool: Callable[..., Any]) -> Bench:
    return Bench(contract_of(tool).model_copy(update={"cost_usd": PRICE}))


def test_a_contract_without_a_cost_keeps_the_digest_it_had() -> None:
    body = LOOK.model_dump(mode="json")
    assert "cost_usd" not in body
    assert LOOK.digest() == hashlib.sha256(canonical_json(body).encode()).digest()
    assert LOOK.model_copy(update={"cost_usd": PRICE}).digest() != LOOK.digest()


@pytest.mark.parametrize(
    ("tool", "arguments", "cost"),
    [
        (samples.add, {"left": 1}, PRICE),
        (samples.raises, {}, PRICE),
        (samples.lies, {}, PRICE),
        (samples.raises_late, {}, PRICE),
        (samples.refuses, {}, None),
        (samples.add, {"left": "one"}, None),
    ],
    ids=["answers", "raises", "answers wrongly", "is uncertain", "refuses", "is never run"],
)
def test_an_execution_costs_what_the_contract_says_and_a_refusal_nothing(
    tool: Callable[..., Any], arguments: dict[str, object], cost: Decimal | None
) -> None:
    assert priced(tool).call(arguments).cost == cost


def test_an_answer_from_an_earlier_execution_costs_nothing_again() -> None:
    bench = priced(samples.save)
    first = bench.call({"text": "a"}, idempotency_key="k")
    again = bench.call({"text": "a"}, idempotency_key="k")
    assert (first.cost, again.repeated, again.cost) == (PRICE, True, None)


def test_a_run_counts_what_its_tools_cost_failures_included() -> None:
    run = Story(definitions()).when(request(), answer(call("look")))
    run = run.when(broke(2, retryable=False).model_copy(update={"cost": PRICE}))
    assert run.only(j.ToolCallFailed).cost == PRICE
    assert run.run.counters.cost == Decimal("0.012")
    run = run.when(answer(call("look"), n=3), came_back(4, cost=PRICE))
    assert run.run.counters.cost == Decimal("0.024")


def test_tools_use_up_the_runs_budget() -> None:
    run = Story(definitions()).when(
        request(limits=Limits(max_cost=Decimal("0.02"))),
        answer(call("look")),
        came_back(2, cost=Decimal("0.01")),
    )
    assert run.only(j.LimitReached).limit == "max_cost"


def test_a_call_that_happened_after_all_costs_what_its_contract_says_once() -> None:
    dear = SEND.model_copy(update={"cost_usd": PRICE})
    run = Story(definitions(LOOK, WRITE, dear, agent())).when(
        request(),
        answer(call("send")),
        came_back(2, outcome=Outcome.UNCERTAIN, result=None, cost=PRICE),
        control(
            commands.ResolveToolCall, call_id=f"{RUN}.2", resolution=commands.Resolution.HAPPENED
        ),
    )
    assert run.only(j.ToolCallSucceeded).cost is None
    assert run.run.counters.cost == Decimal("0.012")
