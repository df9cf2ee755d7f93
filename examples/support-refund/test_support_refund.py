"""The agent and its tools, tested without servers: run it with pytest."""

from __future__ import annotations

from pathlib import Path

import pytest
from support_refund import create_refund, get_order

from runfold.testing import (
    FakeModel,
    MemoryRuntime,
    ToolBench,
    answer,
    call,
    check_history,
    complete,
    error,
    fail,
    record_history,
)

HERE = Path(__file__).parent
REFUND = {"order_id": "A-100", "amount": 59.9, "reason": "damaged"}


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "refunds.jsonl"


def shop(ledger: Path, model: FakeModel | None = None) -> MemoryRuntime:
    return MemoryRuntime.of(
        HERE / "manifests.yaml",
        modules=["support_refund"],
        env={"RUNFOLD_REFUND_LEDGER": str(ledger)},
        model=model,
    )


def test_an_order_is_found() -> None:
    assert ToolBench(get_order).call(order_id="A-100").value == {
        "order_id": "A-100",
        "amount": 59.9,
    }


def test_more_than_was_paid_is_refused_and_the_model_is_told_what_to_do(ledger: Path) -> None:
    bench = ToolBench(create_refund, config={"ledger": str(ledger)})
    refused = bench.call({**REFUND, "amount": 100})

    assert refused.outcome == "failed"
    assert refused.error is not None
    assert refused.error.suggested_next_action == "Refund at most what was paid."
    assert not ledger.exists()


def test_a_refund_that_is_called_again_is_paid_once(ledger: Path) -> None:
    bench = ToolBench(create_refund, config={"ledger": str(ledger)})
    first, again = (bench.call(REFUND, call_id="run.3") for _ in range(2))

    assert (first.value, again.value, again.repeated) == (first.value, first.value, True)
    assert len(ledger.read_text().splitlines()) == 1


def test_a_person_approves_the_refund_before_it_is_paid(ledger: Path) -> None:
    run = shop(ledger).run("Order A-100 arrived broken", agent="support-refund")
    (wait,) = run.waits

    assert (wait.kind, wait.tool, ledger.exists()) == ("approval", "refunds.create", False)
    assert wait.arguments == REFUND

    run.approve(wait.call_id, comment="seen the photo")

    assert run.completion.exit_code == 0
    assert run.completion.payload["summary"] == "We have refunded 59.9 US dollars to you."
    assert len(ledger.read_text().splitlines()) == 1


def test_nobody_answers_for_a_day_and_nothing_is_paid(ledger: Path) -> None:
    runtime = shop(ledger)
    run = runtime.run("Order A-100 arrived broken", agent="support-refund")
    runtime.pass_time(seconds=24 * 3600)

    assert (run.completion.exit_code, ledger.exists()) == (1, False)


def test_the_model_is_told_why_a_person_denied(ledger: Path) -> None:
    model = FakeModel(
        error("overloaded", retryable=True),  # the call is made again after a while
        answer("I look it up.", call("orders.get", order_id="A-100"), seconds=2, cost="0.002"),
        answer("Money is due.", call("refunds.create", **REFUND)),
        fail("the claim was denied"),
    )
    run = shop(ledger, model).run("Order A-100 arrived broken", agent="support-refund")
    run.deny(run.waits[0].call_id, "the photo shows another product")

    assert run.completion.status == "failure"
    assert "the photo shows another product" in model.shown()
    assert model.left == 0


def test_an_unknown_order_is_said_to_the_model(ledger: Path) -> None:
    model = FakeModel(
        answer("", call("orders.get", order_id="B-1")),
        complete("I could not find that order: what is its number?"),
    )
    run = shop(ledger, model).run("Where is B-1?", agent="support-refund")

    assert run.completion.exit_code == 0
    assert "There is no order B-1." in model.shown()


def test_what_happened_is_decided_again_the_same(ledger: Path, tmp_path: Path) -> None:
    run = shop(ledger).run("Order A-100 arrived broken", agent="support-refund")
    run.approve(run.waits[0].call_id)
    record_history(run, tmp_path / "refund.json")

    check_history(tmp_path / "refund.json")
