"""Tenants' contents: seal them, keep them from erasure, erase them."""

from __future__ import annotations

from pathlib import Path
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
    tenant.command("export")(export)
    tenant.command("retain")(retain)
    hold.command("on")(on)
    hold.command("off")(off)
    hold.command("list")(list_)
    tenant.add_typer(hold, name="hold")


def seal(
    ctx: typer.Context,
    tenant: Tenant,
    data_class: Annotated[
        str, typer.Option("--class", help="Only of runs of this data classification.")
    ] = "",
    reason: options.Reason = "",
    user: options.User = "me",
) -> None:
    """Seal a tenant's contents by a new data key, from now on; older keys still open theirs."""
    from runfold.surfaces.cli.operations.governing.keeping import need_keys_in_parts

    context = of(ctx)
    keeping = _keeping(context, user, reason)
    need_keys_in_parts(context.settings)
    name = keeping.seal(tenant, data_class)
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
    from runfold.surfaces.cli.operations.governing.erasing import erased

    context = of(ctx)
    keeping = _keeping(context, user, reason)

    def look() -> None:
        with context.engine.connect() as connection:
            need_no_objection(keeping, tenant, connection)

    look()
    if not yes:
        typer.confirm(f"Erase every content of tenant {tenant}, for good?", abort=True)
        # An answer may take hours.
        look()
    raise typer.Exit(exits.OK if erased(context, keeping, tenant) else exits.NO)


def export(
    ctx: typer.Context,
    tenant: Tenant,
    to: Annotated[Path, typer.Option("--to", help="A folder that is new or empty.")],
    json: options.Json = False,
) -> None:
    """Write everything of a tenant in readable form: JSON lines, artifacts, digests of all."""
    from dataclasses import asdict
    from datetime import UTC, datetime

    from runfold.infra.artifacts.files import FileArtifacts
    from runfold.infra.artifacts.sealed import SealedArtifacts
    from runfold.surfaces.application.governing.exporting import export as written
    from runfold.surfaces.cli.operations.governing.keeping import need_known

    context = of(ctx)
    need_known(context, tenant)
    context.reads_now("tenant export", tenant)
    files = FileArtifacts(context.settings.home / "artifacts")
    store = SealedArtifacts(files, context.codec.sealing)
    with output.waiting("the log to be read"):
        found = written(
            context.reader, store, files.refs, context.codec.tenant_in, tenant, to,
            datetime.now(UTC),
        )  # fmt: skip
    if json:
        output.as_json(asdict(found))
        return
    console = output.console()
    for topic, count in found.records.items():
        console.print(f"{topic:<18} {count} records", markup=False)
    console.print(f"{len(found.files)} files in {to}, listed in manifest.json", markup=False)
    if found.unreadable or found.missing:
        console.print(
            f"{found.unreadable} records and {len(found.missing)} artifacts cannot be read: they "
            "were erased, or their key is not here.",
            style="yellow",
        )


def retain(
    ctx: typer.Context,
    tenant: Tenant,
    keep: Annotated[
        list[str],
        typer.Option("--keep", help="CLASS=DAYS, or general=DAYS for all without a key of theirs."),
    ],
    reason: options.Reason = "",
    user: options.User = "me",
) -> None:
    """Destroy the keys of contents that are older than they are to be kept; to be run daily."""
    from runfold.surfaces.application.governing.retaining import Kept
    from runfold.surfaces.cli.operations.governing.erasing import retained

    context, kept = of(ctx), Kept.read(keep)
    done = retained(context, _keeping(context, user, reason), tenant, kept)
    raise typer.Exit(exits.OK if done else exits.NO)


def on(
    ctx: typer.Context,
    tenant: Tenant,
    reason: options.Reason = "",
    user: options.User = "me",
) -> None:
    """Put a legal hold on a tenant: neither ``erase`` nor ``retain`` removes anything of it."""
    from runfold.surfaces.cli.operations.governing.keeping import is_known

    context = of(ctx)
    _keeping(context, user, reason).hold(tenant, held=True)
    output.console().print(f"held: {tenant}", markup=False)
    if not is_known(context, tenant):
        output.fault(
            f"Nothing is on record of a tenant {tenant} yet. Is the name right? "
            f"`runfold tenant hold off {tenant}` takes it back."
        )


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
    from datetime import datetime

    from runfold.surfaces.application.governing.definitions import read_definitions

    held = read_definitions(of(ctx).reader).tenants.held()
    rows = [
        (tenant, datetime.fromisoformat(found.at), found.by, found.reason) for tenant, found in held
    ]
    output.table(("tenant", "since", "by", "reason"), rows, "No tenant is held.")


def _keeping(context: Context, user: str, reason: str) -> Keeping:
    from runfold.infra.keys.chosen import key_store
    from runfold.surfaces.application.governing.definitions import Who
    from runfold.surfaces.application.governing.sealing import Keeping

    return Keeping(context.reader, context.writer, Who(user, reason), key_store())
