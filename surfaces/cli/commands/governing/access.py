"""Access: who can do what, and what of it was used."""

from __future__ import annotations

from typing import Annotated

import typer

from runfold.surfaces.cli import options
from runfold.surfaces.cli.commands.running.runs import since_of
from runfold.surfaces.cli.context import of

access = typer.Typer(help="Who can do what, and what of it was used.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    access.command(epilog="Example: runfold access review --since 90d --csv > access.csv")(review)
    app.add_typer(access, name="access")


def review(
    ctx: typer.Context,
    since: Annotated[
        str, typer.Option(help="What was not used since then is unused, such as 90d.")
    ] = "90d",
    tenant: options.Narrow = None,
    csv: Annotated[bool, typer.Option("--csv", help="As CSV, a line a grant.")] = False,
    json: options.Json = False,
) -> None:
    """Review who can do what: agents and tools, starts, rules, switches; 1 where findings are."""
    from runfold.surfaces.cli.operations.governing.access import show_review

    raise typer.Exit(show_review(of(ctx), since_of(since), tenant, csv=csv, json=json))
