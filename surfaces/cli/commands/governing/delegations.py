"""Who decides for whom while they are absent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from runfold.surfaces.cli import exits, options, output
from runfold.surfaces.cli.commands.running.runs import span_of
from runfold.surfaces.cli.context import of
from runfold.surfaces.cli.faults import CliError

if TYPE_CHECKING:
    from datetime import datetime

    from runfold.surfaces.application.governing.delegations import Delegating
    from runfold.surfaces.cli.context import Context

delegate = typer.Typer(
    help="Let somebody decide for you while you are absent.", no_args_is_help=True
)

Whom = Annotated[str, typer.Argument(metavar="PERSON", help="Who acts in your place.")]
Absent = Annotated[
    str | None, typer.Option("--for", metavar="PERSON", help="Who is absent, where it is not you.")
]
Whose = Annotated[
    str | None, typer.Option("--tenant", help="For the runs of this tenant; for all without.")
]
When = "2027-01-07, 2027-01-07T18:00, or from now: 8h, 14d."


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    delegate.command("to")(to)
    delegate.command("list")(list_)
    delegate.command("revoke")(revoke)
    app.add_typer(delegate, name="delegate")


def to(
    ctx: typer.Context,
    whom: Whom,
    until: Annotated[str, typer.Option("--until", help=f"When it ends: {When}")],
    begin: Annotated[
        str | None, typer.Option("--from", help="When it begins; now without.")
    ] = None,
    role: Annotated[
        list[str] | None, typer.Option("--role", help="Only in this role; repeatable.")
    ] = None,
    tool: Annotated[
        list[str] | None, typer.Option("--tool", help="Only for this tool; repeatable.")
    ] = None,
    absent: Absent = None,
    tenant: Whose = None,
    reason: options.Reason = "",
    user: options.User = "me",
) -> None:
    """Let a person decide in your place; each decision says for whom it was made."""
    from runfold.surfaces.application.governing.delegations import Given, note_on

    person = absent or user
    given = Given(
        ends_at=moment_of(until),
        starts_at=None if begin is None else moment_of(begin),
        roles=tuple(role or ()),
        tools=tuple(tool or ()),
    )
    known = _governing(of(ctx), tenant, user, reason).delegate(person, whom, given)
    text = f"{whom} acts for {person} until {output.moment(given.ends_at)}"
    output.console().print(text, markup=False)
    if note := note_on(known, given.tools, tenant):
        output.fault(f"note: {note}")


def list_(ctx: typer.Context, tenant: Whose = None, json: options.Json = False) -> None:
    """List who acts for whom, now and later."""
    from datetime import UTC, datetime

    from runfold.surfaces.application.governing.definitions import read_definitions

    now = datetime.now(UTC)
    known = read_definitions(of(ctx).reader)
    found = [each for each in known.delegations(tenant) if each.ends_at > now]
    if json:
        output.as_json([each._asdict() for each in found])
        return
    rows = [
        (
            each.person,
            each.delegate,
            output.moment(each.starts_at),
            output.moment(each.ends_at),
            ", ".join(each.roles) or "all",
            ", ".join(each.tools) or "all",
            each.tenant or "all",
            each.reason,
        )
        for each in found
    ]
    names = ("absent", "acts", "from", "until", "roles", "tools", "tenant", "reason")
    output.table(names, rows, "Nobody acts for anybody.")


def revoke(
    ctx: typer.Context,
    whom: Whom,
    absent: Absent = None,
    tenant: Whose = None,
    reason: options.Reason = "",
    user: options.User = "me",
) -> None:
    """Take it back; what was decided meanwhile stays."""
    person = absent or user
    _governing(of(ctx), tenant, user, reason).revoke(person, whom)
    output.console().print(f"{whom} acts for {person} no more", markup=False)


def moment_of(text: str) -> datetime:
    """Return the moment that somebody typed: a date or a time of this machine, or a span ahead."""
    from datetime import UTC, datetime

    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    try:
        return datetime.now(UTC) + span_of(text)
    except OverflowError:
        raise CliError(f"{text} is too far ahead.", exits.USAGE) from None
    except CliError:
        raise CliError(f"{text!r} is no moment: write {When}", exits.USAGE) from None


def _governing(context: Context, tenant: str | None, user: str, reason: str) -> Delegating:
    from runfold.infra.settings.declared.variables import ROLES
    from runfold.surfaces.application.governing.definitions import Who
    from runfold.surfaces.application.governing.delegations import Delegating

    return Delegating(context.reader, context.writer, Who(user, reason, ROLES.read()), tenant)
