"""``tenant list`` and ``tenant show``: who runs, who waits, what is left, on the screen."""

from __future__ import annotations

from collections.abc import Sequence

from runfold.processors.tenant.use import plain
from runfold.surfaces.application.shapes import (
    TenantBudget,
    TenantBudgetRow,
    TenantContents,
    TenantDetail,
    TenantRow,
    TenantRun,
)
from runfold.surfaces.cli import output

_SHOWN = 20


def print_tenants(found: Sequence[TenantRow]) -> None:
    """Print a line a tenant."""
    rows = [
        (
            each.tenant_id,
            each.running,
            each.waiting,
            each.waiting_since or "",
            each.refused,
            each.returned,
            each.alerts,
        )
        for each in found
    ]
    columns = ("tenant", "running", "waiting", "since", "refused", "returned", "alerts")
    output.table(
        columns, rows, "No run has asked a tenant: none has a policy in force (docs/tenants.md)."
    )


def print_tenant(found: TenantDetail) -> None:
    """Print what a tenant's journal says."""
    console = output.console()
    console.print(f"tenant   {found.tenant}", markup=False)
    console.print(f"policy   {found.policy or 'none in force'}", markup=False)
    console.print(f"running  {len(found.running)}")
    _runs(found.running)
    console.print(f"waiting  {len(found.waiting)}")
    _runs(found.waiting)
    console.print(f"contents {_contents(found.contents)}", markup=False)
    rows = [_budget(each) for each in found.budgets]
    output.table(_BUDGET, rows, "The policy has no budget." if found.policy else "")


def print_budgets(found: Sequence[TenantBudgetRow]) -> None:
    """Print a line a budget of a tenant."""
    rows = [(each.tenant_id, *_budget(each)) for each in found]
    output.table(
        ("tenant", *_BUDGET), rows,
        "No tenant's policy has a budget (docs/tenants.md).",
    )  # fmt: skip


_BUDGET = (
    "budget of",
    "period",
    "unit",
    "used",
    "reserved",
    "left",
    "limit",
    "soft",
    "until",
    "of the limit",
)


def _budget(each: TenantBudget) -> tuple[object, ...]:
    taken = each.used + each.reserved
    return (
        f"{each.of} {each.name}".rstrip(),
        each.period,
        each.unit,
        plain(each.used),
        plain(each.reserved),
        plain(each.left),
        plain(each.limit),
        None if each.soft is None else plain(each.soft),
        None if each.ends_at is None else f"{each.ends_at:%m-%d %H:%M}Z",
        output.bar(float(taken / each.limit)) if each.limit else None,
    )


def _contents(found: TenantContents) -> str:
    said, count = "not sealed", "1 data key" if found.keys == 1 else f"{found.keys} data keys"
    if found.sealed_since is not None:
        own = f", {', '.join(found.classes)} by their own" if found.classes else ""
        said = f"sealed since {output.moment(found.sealed_since)}, {count}{own}"
    if found.held_since is not None:
        said += f"; held by {found.held_by} since {output.moment(found.held_since)}"
        said += f" ({found.held_for})" if found.held_for else ""
    if found.erased_at is not None:
        said += f"; erased by {found.erased_by} at {output.moment(found.erased_at)}"
    return said


def _runs(runs: Sequence[TenantRun]) -> None:
    rows = [
        (each.position or "", output.short(each.run_id), each.user_id, each.agent, each.since)
        for each in runs[:_SHOWN]
    ]
    if rows:
        output.table(("place", "run", "user", "agent", "since"), rows, "")
    if len(runs) > _SHOWN:
        output.console().print(f"and {len(runs) - _SHOWN} more")
