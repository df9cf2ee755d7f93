"""Budgets of tenants' policies that nobody has used in the period that lasts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from runfold.events.definitions import Definitions, TenantPolicy
from runfold.events.definitions.tenancy.tenant_policy import IN_FORCE, Budget
from runfold.processors.tenant import periods
from runfold.surfaces.application.shapes import TenantBudgetRow

_COLUMN = {"user": "user_id", "agent": "agent", "feature": "feature"}


def with_unused(
    found: Sequence[TenantBudgetRow],
    running: Iterable[Mapping[str, Any]],
    known: Definitions,
    tenants: Iterable[str],
    now: datetime,
) -> list[TenantBudgetRow]:
    """Return budgets in use, and after them those of policies in force that nothing was used of.

    ``running`` says what live runs have set aside. A budget of each user, agent or feature has no
    name until somebody uses it, and is not among them.
    """
    there = {(each.tenant_id, each.of, each.name, each.unit, each.period) for each in found}
    held = list(running)
    more = [
        row
        for tenant in sorted(set(tenants))
        for row in _of_policy(tenant, known, held, now)
        if (row.tenant_id, row.of, row.name, row.unit, row.period) not in there
    ]
    return [*found, *more]


def tenants_with_policies(known: Definitions, only: str | None) -> set[str]:
    """Return the tenants that have a policy of their own, or the one that is asked for."""
    if only is not None:
        return {only}
    return {each.tenant for each in known if each.kind == "tenant_policy" and each.tenant}


def _of_policy(
    tenant: str, known: Definitions, held: Sequence[Mapping[str, Any]], now: datetime
) -> Iterator[TenantBudgetRow]:
    policy = known.resolve("tenant_policy", IN_FORCE, None, tenant).definition(TenantPolicy)
    for budget in policy.budgets if policy is not None else ():
        if budget.of != "tenant" and budget.name is None:
            continue
        reserved = sum(
            (_amount(row, budget) for row in held if _concerns(row, tenant, budget)), Decimal(0)
        )
        yield TenantBudgetRow(
            tenant_id=tenant,
            of=budget.of,
            name=budget.name or "",
            unit=budget.unit,
            period=budget.period,
            began_at=periods.began(budget.period, now),
            ends_at=periods.ends(budget.period, now),
            used=Decimal(0),
            reserved=reserved,
            left=budget.limit - reserved,
            limit=budget.limit,
            soft=budget.soft,
        )


def _concerns(row: Mapping[str, Any], tenant: str, budget: Budget) -> bool:
    if row["tenant_id"] != tenant:
        return False
    return budget.of == "tenant" or row[_COLUMN[budget.of]] == budget.name


def _amount(row: Mapping[str, Any], budget: Budget) -> Decimal:
    return Decimal(row[budget.unit] or 0)
