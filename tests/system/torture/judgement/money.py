"""What must hold of a run's money: what it says it used is what its record adds up to."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from runfold.events import run as j
from runfold.events import tenant as t
from tests.system.oracle.histories import Histories
from tests.system.torture.judgement.tenants import Events

_NOTHING = Decimal(0)


def settled_is_what_was_spent(read: Histories) -> Iterator[str]:
    """What a run tells its tenant is the sum of all that its record says was paid, to the digit."""
    for run_id, entries in read.runs.items():
        spent, tokens, calls = _NOTHING, 0, set[str]()
        for entry in entries:
            fact = entry.event.fact
            spent += getattr(fact, "cost", None) or _NOTHING
            usage = getattr(fact, "usage", None) or getattr(
                getattr(fact, "answer", None), "usage", None
            )
            if usage is not None:
                tokens += usage.input_tokens + usage.output_tokens
            if isinstance(fact, j.ToolCallStarted):
                calls.add(fact.call_id)
            if isinstance(fact, j.RunSettled):
                if (fact.spent, fact.tokens) != (spent, tokens):
                    yield (
                        f"{run_id}: settled {fact.spent} and {fact.tokens} tokens,"
                        f" its record adds up to {spent} and {tokens}"
                    )
                if fact.tool_calls > len(calls):
                    yield f"{run_id}: settled {fact.tool_calls} calls of tools, made {len(calls)}"


def within_what_was_set_aside(books: Events) -> Iterator[str]:
    """No run spends more money than its tenant had set aside for it, late costs among it.

    The answers of the scripts cost all the same, so no call is dearer than all before it.
    """
    for tenant_id, events in books.items():
        aside: dict[str, Decimal] = {}
        spent: dict[str, Decimal] = {}
        for event in events:
            match event.fact:
                case t.AdmissionGranted(admission=admission):
                    aside[admission.asks.run_id] = _usd(admission.reserved)
                case t.ReservationExtended(run_id=run_id, reserved=reserved):
                    aside[run_id] = _usd(reserved)
                case (
                    t.AdmissionReturned(run_id=run_id, used=used)
                    | t.LateCostBooked(run_id=run_id, used=used)
                ):
                    spent[run_id] = spent.get(run_id, _NOTHING) + _usd(used)
                    if spent[run_id] > aside.get(run_id, _NOTHING):
                        yield (
                            f"{run_id}: spent {spent[run_id]} of {tenant_id}, which had set"
                            f" {aside.get(run_id)} aside for it"
                        )
                case _:
                    pass


def _usd(amounts: tuple[t.Amount, ...]) -> Decimal:
    return sum((each.amount for each in amounts if each.unit == "usd"), _NOTHING)
