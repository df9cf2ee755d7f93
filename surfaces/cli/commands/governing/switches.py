"""Kill switches: stop a tenant, an agent, a tool or a model, and let it go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from runfold.surfaces.cli import options, output
from runfold.surfaces.cli.context import of

if TYPE_CHECKING:
    from runfold.surfaces.application.governing.definitions import Governing
    from runfold.surfaces.cli.context import Context

switch = typer.Typer(
    help="Stop a tenant, an agent, a tool or a model, at once.", no_args_is_help=True
)

What = Annotated[
    str,
    typer.Argument(metavar="KIND/NAME", help="tenant/…, agent/…, tool/… or model/provider:name."),
]
Whose = Annotated[
    str | None, typer.Option("--tenant", help="For the runs of this tenant; for all without.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    switch.command("off")(off)
    switch.command("on")(on)
    switch.command("list")(list_)
    app.add_typer(switch, name="switch")


def off(
    ctx: typer.Context,
    what: What,
    tenant: Whose = None,
    reason: options.Reason = "",
    user: options.User = "me",
) -> None:
    """Stop it: no run begins with it, and live runs make no further call of it."""
    from runfold.surfaces.application.governing.switching import note_on

    known = _governing(of(ctx), tenant, user, reason).switch(what, stopped=True)
    whom, same = _whom(tenant), f" --tenant {tenant}" if tenant else ""
    output.console().print(
        f"stopped: {what} {whom}; `runfold switch on {what}{same}` lets it go on", markup=False
    )
    kind, _, name = what.partition("/")
    if note := note_on(known, kind, name):
        output.fault(f"note: {note}")


def on(
    ctx: typer.Context,
    what: What,
    tenant: Whose = None,
    reason: options.Reason = "",
    user: options.User = "me",
) -> None:
    """Let it go on again; runs that it has ended do not come back."""
    _governing(of(ctx), tenant, user, reason).switch(what, stopped=False)
    output.console().print(f"on again: {what} {_whom(tenant)}", markup=False)


def list_(ctx: typer.Context, json: options.Json = False) -> None:
    """List what is stopped, since when, by whom and why."""
    from runfold.surfaces.application.governing.definitions import read_definitions

    columns = ("kind", "name", "tenant", "since", "by", "reason")
    rows = [
        (name.kind, name.name, name.tenant, found.at, found.by, found.reason)
        for name, found in read_definitions(of(ctx).reader).switches()
    ]
    if json:
        output.as_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    shown = [(kind, name, tenant or "all", *rest) for kind, name, tenant, *rest in rows]
    output.table(columns, shown, "Nothing is stopped.")


def _whom(tenant: str | None) -> str:
    return "for all tenants" if tenant is None else f"for tenant {tenant}"


def _governing(context: Context, tenant: str | None, user: str, reason: str) -> Governing:
    from runfold.infra.settings.declared.variables import ROLES
    from runfold.surfaces.application.governing.definitions import Governing, Who

    return Governing(context.reader, context.writer, Who(user, reason, ROLES.read()), tenant)
