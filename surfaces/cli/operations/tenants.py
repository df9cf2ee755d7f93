"""``tenant list`` and ``tenant show``: who runs, who waits, what is left, on the screen."""

from __future__ import annotations

from collections.abc import Sequence

from runfold.processors.tenant.use import plain
from runfold.surfaces.application.shapes import TenantDetail, TenantRow, TenantRun
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
    output.table(columns, rows, "No run has asked a tenant: see docs/tenants.md.")


def print_tenant(found: TenantDetail) -> None:
    """Print what a tenant's journal says."""
    console = output.console()
    console.print(f"tenant   {found.tenant}", markup=False)
    console.print(f"policy   {found.policy or 'none in force'}", markup=False)
    console.print(f"running  {len(found.running)}")
    _runs(found.running)
    console.print(f"waiting  {len(found.waiting)}")
    _runs(found.waiting)
    rows = [
        (
            f"{each.of} {each.name}".rstrip(),
            each.period,
            each.unit,
            plain(each.used),
            plain(each.reserved),
            plain(each.limit),
        )
        for each in found.budgets
    ]
    columns = ("budget of", "period", "unit", "used", "reserved", "limit")
    output.table(columns, rows, "The policy has no budget." if found.policy else "")


def _runs(runs: Sequence[TenantRun]) -> None:
    rows = [
        (each.position or "", output.short(each.run_id), each.user_id, each.agent, each.since)
        for each in runs[:_SHOWN]
    ]
    if rows:
        output.table(("place", "run", "user", "agent", "since"), rows, "")
    if len(runs) > _SHOWN:
        output.console().print(f"and {len(runs) - _SHOWN} more")
