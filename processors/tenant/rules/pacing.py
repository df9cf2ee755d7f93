"""How fast runs may start: rates of a policy, and the throttle of a soft limit that is reached."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from runfold.events import pacing
from runfold.events.definitions import TenantPolicy
from runfold.events.definitions.tenancy.tenant_policy import Budget
from runfold.events.tenant import Asks
from runfold.processors.tenant.rules.scopes import concerns, whose
from runfold.processors.tenant.state import PaceKey

_PERIODS = {"minute": pacing.MINUTE, "hour": pacing.HOUR}


class Rule(NamedTuple):
    """How fast one of a scope may start runs; ``soft`` is the budget for whose soft limit it holds.

    ``refuse`` says that a run which comes too early does not wait.
    """

    key: PaceKey
    rate: pacing.Interval
    told: dict[str, str | int]
    refuse: bool = False
    soft: Budget | None = None


def rules(asks: Asks, policy: TenantPolicy) -> Iterator[Rule]:
    """Yield the rules by which the start of a run is counted."""
    for rate in policy.rates:
        if not concerns(rate, asks):
            continue
        key = PaceKey(rate.of, whose(rate.of, asks) or "", f"{rate.runs}/{rate.per}/{rate.burst}")
        found = pacing.interval(rate.runs, _PERIODS[rate.per], rate.burst)
        yield Rule(key, found, {"runs": rate.runs, "per": rate.per}, rate.when_spent == "refuse")
    for budget in policy.budgets:
        if "throttle" not in budget.at_soft or not budget.throttle_ms or budget.soft is None:
            continue
        if concerns(budget, asks):
            told: dict[str, str | int] = {"unit": budget.unit, "period": budget.period}
            rule = f"throttle/{budget.unit}/{budget.period}/{budget.throttle_ms}"
            key = PaceKey(budget.of, whose(budget.of, asks) or "", rule)
            pause = timedelta(milliseconds=budget.throttle_ms)
            yield Rule(key, pacing.interval(1, pause), told, soft=budget)
