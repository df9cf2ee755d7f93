"""Tenants' contents: seal them, keep them from erasure, erase them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from runfold.surfaces.cli import exits, options, output
from runfold.surfaces.cli.context import of

if TYPE_CHECKING:
    from runfold.surfaces.application.governing.sealing import Keeping
    from runfold.surfaces.cli.context import Context

hold = typer.Typer(help="Keep a tenant's contents from being erased.", no_args_is_help=True)

Tenant = Annotated[str, typer.Argument(metavar="TENANT", help="The tenant's id.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def register(tenant: typer.Typer) -> None:
    """Add the commands of this module."""
    tenant.command("seal")(seal)
    tenant.command("rewrap")(rewrap)
    tenant.command("erase")(erase)
    hold.command("on")(on)
    hold.command("off")(off)
    hold.command("list")(list_)
    tenant.add_typer(hold, name="hold")


def seal(
    ctx: typer.Context,
    tenant: Tenant,
    reason: options.Reason = "",
    user: options.User = "me",
) -> None:
    """Seal a tenant's contents by a new data key, from now on; older keys still open theirs."""
    name = _keeping(of(ctx), user, reason).seal(tenant)
    output.console().print(f"{tenant} is sealed by the data key {name} from now on", markup=False)


def rewrap(
    ctx: typer.Context,
    tenant: Tenant,
    reason: options.Reason = "",
    user: options.User = "me",
) -> None:
    """Rotate the key that wraps a tenant's data keys; nothing that is sealed is written again."""
    count = _keeping(of(ctx), user, reason).rotate(tenant)
    output.console().print(f"{count} data keys of {tenant} are wrapped anew", markup=False)


def erase(
    ctx: typer.Context,
    tenant: Tenant,
    reason: options.Reason = "",
    user: options.User = "me",
    yes: Yes = False,
) -> None:
    """Destroy a tenant's keys, and delete what else holds its contents. Nobody can undo it."""
    from runfold.surfaces.application.governing.erasing import need_no_objection
    from runfold.surfaces.cli.operations.erasing import erased

    context = of(ctx)
    keeping = _keeping(context, user, reason)
    with context.engine.connect() as connection:
        need_no_objection(keeping, tenant, connection)
    if not yes:
        typer.confirm(f"Erase every content of tenant {tenant}, for good?", abort=True)
    raise typer.Exit(exits.OK if erased(context, keeping, tenant) else exits.NO)


def on(
    ctx: typer.Context,
    tenant: Tenant,
    reason: options.Reason = "",
    user: options.User = "me",
) -> None:
    """Put a legal hold on a tenant: neither ``erase`` nor ``retain`` removes anything of it."""
    _keeping(of(ctx), user, reason).hold(tenant, held=True)
    output.console().print(f"held: {tenant}", markup=False)


def off(
    ctx: typer.Context,
    tenant: Tenant,
    reason: options.Reason = "",
    user: options.User = "me",
) -> None:
    """Take a legal hold off."""
    _keeping(of(ctx), user, reason).hold(tenant, held=False)
    output.console().print(f"held no more: {tenant}", markup=False)


def list_(ctx: typer.Context) -> None:
    """List the legal holds that are on."""
    from runfold.surfaces.application.governing.definitions import read_definitions

    held = read_definitions(of(ctx).reader).tenants.held()
    rows = [(tenant, found.at, found.by, found.reason) for tenant, found in held]
    output.table(("tenant", "since", "by", "reason"), rows, "No tenant is held.")


def _keeping(context: Context, user: str, reason: str) -> Keeping:
    from runfold.infra.keys.chosen import key_store
    from runfold.surfaces.application.governing.definitions import Who
    from runfold.surfaces.application.governing.sealing import Keeping

    return Keeping(context.reader, context.writer, Who(user, reason), key_store())
