"""What keeps a run within its limits: money set aside and settled, a limit met."""

from __future__ import annotations

from runfold.events.base import Fact, Money
from runfold.events.traits import Cause, Tone, Traits

__all__ = ["BudgetReserved", "BudgetSettled", "LimitReached"]


class LimitReached(Fact):
    """A hard limit of the run was met [55]; ``used`` and ``allowed`` are in its own unit."""

    traits = Traits(
        reads="{limit} reached: {used} of {allowed}; {action}",
        cause=Cause.SENDER,
        tone=Tone.BAD,
        moment="{limit}",
    )

    limit: str
    used: str
    allowed: str
    action: str


class BudgetReserved(Fact):
    """Money was set aside for a call before it was made."""

    traits = Traits(
        reads="{amount:money} set aside of {limit:money}", tone=Tone.QUIET, moment="{amount}"
    )

    call_id: str
    amount: Money
    spent_before: Money
    reserved_before: Money
    limit: Money


class BudgetSettled(Fact):
    """A reservation was replaced by the actual cost."""

    traits = Traits(
        reads="{spent_after:money} spent of {limit:money}", tone=Tone.QUIET, moment="{actual}"
    )

    call_id: str
    reserved: Money
    actual: Money
    spent_after: Money
    limit: Money
