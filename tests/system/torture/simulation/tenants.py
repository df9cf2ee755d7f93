"""Tenants with tight budgets: their policy, who asks for runs of theirs, what each run may use."""

from __future__ import annotations

import json

from runfold.events.definitions import TenantPolicy
from runfold.events.values import Limits

TENANTS = ("tight-0", "tight-1", "tight-2")
"""The tenants of the runs of ``ADMITTED``, in turn; no other has a policy."""

ADMITTED = frozenset({"admitted", "switched"})
"""Shapes whose runs are those of tenants with a policy."""

RATES = {"input_mtok": "333.333333", "output_mtok": "777.7"}
"""Prices of the scripts of these shapes, so that each answer costs 0.004666433331 US dollars."""

USAGE = {"input_tokens": 7, "output_tokens": 3}

PRICES = json.dumps({f"scripted:torture-{shape}": RATES for shape in sorted(ADMITTED)})

LIMITS = {"max_cost": "0.021", "max_tool_calls": 6}
"""What a run of these shapes may use; it never comes to that."""

POLICY = TenantPolicy.model_validate(
    {
        "name": "default",
        "version": "1.0.0",
        "caps": [{"of": "tenant", "running": 6}, {"of": "user", "running": 4}],
        "budgets": [
            {
                "of": "tenant",
                "period": "month",
                "limit": "0.15",
                "soft": "0.08",
                "when_spent": "refuse",
            },
            {
                "of": "user",
                "unit": "tool_calls",
                "period": "day",
                "limit": 24,
                "when_spent": "refuse",
            },
            {"of": "agent", "unit": "runs", "period": "month", "limit": 25, "when_spent": "refuse"},
        ],
    }
)


def tenant_of(number: int) -> str:
    """Return whose the run of a number is."""
    return TENANTS[number % len(TENANTS)]


def user_of(number: int) -> str:
    """Return who asks for the run of a number."""
    return f"user-{number // len(TENANTS) % 2}"


def limits_of(shape: str, given: Limits) -> Limits:
    """Return the limits of a shape's agent."""
    return (
        given.model_copy(update=Limits.model_validate(LIMITS).model_dump(exclude_none=True))
        if (shape in ADMITTED)
        else given
    )
