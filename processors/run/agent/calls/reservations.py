"""Money that a run with a cost limit sets aside for a call before it is made, and frees after."""

from __future__ import annotations

from decimal import Decimal

from runfold.events import run as j
from runfold.processors.run.draft import Draft
from runfold.processors.run.lifecycle import extending

_NOTHING = Decimal(0)


def reserve(draft: Draft, call_id: str, amount: Decimal) -> bool:
    """Set money aside where the run has a cost limit; it has met its limit else."""
    run = draft.run
    limit = run.limits.max_cost
    if limit is None:
        return True
    spent = run.spent
    if spent + run.budget.reserved + amount > limit:
        extending.limit_met(draft, "max_cost", spent + amount, limit)
        return False
    draft.say(
        j.BudgetReserved(
            call_id=call_id,
            amount=amount,
            spent_before=spent,
            reserved_before=run.budget.reserved,
            limit=limit,
        )
    )
    return True


def release(draft: Draft, call_id: str, cost: Decimal | None = None) -> None:
    """Settle the reservation of a call, if the run has a cost limit."""
    run = draft.run
    if run.limits.max_cost is None:
        return
    draft.say(
        j.BudgetSettled(
            call_id=call_id,
            reserved=run.budget.reservations.get(call_id, _NOTHING),
            actual=cost or _NOTHING,
            spent_after=run.spent,
            limit=run.limits.max_cost,
        )
    )
