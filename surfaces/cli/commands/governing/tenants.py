"""Tenants: who runs, who waits, what is left."""

from __future__ import annotations

from typing import Annotated

import typer

from runfold.surfaces.cli import options, output
from runfold.surfaces.cli.commands.governing import keeping
from runfold.surfaces.cli.context import of

tenant = typer.Typer(help="A tenant's runs and budgets, and its contents.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    tenant.command("list")(list_)
    tenant.command("show")(show)
    tenant.command("budgets")(budgets)
    keeping.register(tenant)
    app.add_typer(tenant, name="tenant")


def list_(
    ctx: typer.Context,
    tenant: options.Narrow = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 1000,
    json: options.Json = False,
) -> None:
    """List the tenants whose runs asked to be admitted, the longest queue first."""
    from runfold.surfaces.application.operations.tenants import tenants
    from runfold.surfaces.cli.operations.governing.tenants import print_tenants

    with of(ctx).views(tenant) as views:
        found = tenants(views, limit)
    if json:
        output.as_json(found)
    else:
        print_tenants(found)


def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="TENANT", help="The tenant's id.")],
    json: options.Json = False,
) -> None:
    """Show a tenant: who runs, who waits, what its budgets have left, how it is sealed."""
    from datetime import UTC, datetime

    from runfold.surfaces.application.operations.tenants import show_tenant
    from runfold.surfaces.cli.operations.governing.tenants import print_tenant

    found = show_tenant(of(ctx).reader, name, datetime.now(UTC))
    if json:
        output.as_json(found)
    else:
        print_tenant(found)


def budgets(
    ctx: typer.Context,
    tenant: options.Narrow = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 1000,
    json: options.Json = False,
) -> None:
    """List tenants' budgets in the period that lasts, the fullest first."""
    from datetime import UTC, datetime

    from runfold.projections.queries import set_aside_at_tenants
    from runfold.surfaces.application.governing.definitions import read_definitions
    from runfold.surfaces.application.operations.tenants import budgets_in_use, tenants
    from runfold.surfaces.application.operations.unused_budgets import (
        tenants_with_policies,
        with_unused,
    )
    from runfold.surfaces.cli.operations.governing.tenants import print_budgets

    now, known = datetime.now(UTC), read_definitions(of(ctx).reader)
    with of(ctx).views(tenant) as views:
        used = budgets_in_use(views, now, limit)
        who = tenants_with_policies(known, tenant) | {each.tenant_id for each in tenants(views)}
        found = with_unused(used, set_aside_at_tenants(views), known, who, now)[:limit]
    if json:
        output.as_json(found)
    else:
        print_budgets(found)
