"""Two tools of a shop's support desk, on a ledger file that stands in for a payment provider."""

from __future__ import annotations

import fcntl
import json
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, PlainSerializer, WithJsonSchema

from runfold import ToolContext, ToolRefusedError, tool

Dollars = Annotated[
    Decimal,
    PlainSerializer(float, when_used="json"),
    WithJsonSchema({"type": "number", "description": "US dollars"}),
]
"""Exact here, and a number in JSON, which policies can compare."""

ORDERS = {"A-100": Decimal("59.90"), "A-101": Decimal("12.00")}


class Order(BaseModel):
    """An order as the shop knows it; the amount is in US dollars."""

    order_id: str
    amount: Dollars


class Refund(BaseModel):
    """A refund as the provider confirmed it; the amount is in US dollars."""

    refund_id: str
    order_id: str
    amount: Dollars


@tool(name="orders.get", risk_level=0, idempotent=True, owner="support")
def get_order(order_id: str) -> Order:
    """Look an order up."""
    return Order(order_id=order_id, amount=_paid(order_id))


@tool(name="refunds.create", risk_level=3, approval="always", idempotent=True, owner="support")
def create_refund(
    order_id: str,
    amount: Dollars,
    reason: Literal["damaged", "late", "other"],
    context: ToolContext,
) -> Refund:
    """Pay money back for an order, at most what was paid; a person approves it first."""
    paid = _paid(order_id)
    if not 0 < amount <= paid:
        raise ToolRefusedError(
            f"{amount} is not between 0 and {paid}, which was paid for {order_id}.",
            error_type="invalid_arguments",
            suggested_next_action="Refund at most what was paid.",
        )
    refund = Refund(refund_id=context.idempotency_key, order_id=order_id, amount=amount)
    _book(Path(context.config["ledger"]), {**refund.model_dump(mode="json"), "reason": reason})
    return refund


def _paid(order_id: str) -> Decimal:
    if order_id not in ORDERS:
        raise ToolRefusedError(
            f"There is no order {order_id}.",
            error_type="not_found",
            suggested_next_action="Ask the customer for the number of the order.",
        )
    return ORDERS[order_id]


def _book(ledger: Path, entry: dict[str, object]) -> None:
    """Write the entry unless one with its key is there: a key is paid out once."""
    ledger.parent.mkdir(parents=True, exist_ok=True)
    with ledger.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        if any(json.loads(line)["refund_id"] == entry["refund_id"] for line in file):
            return
        file.write(json.dumps(entry) + "\n")
