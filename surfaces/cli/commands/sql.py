"""SQL over the views: ``sql``."""

from __future__ import annotations

from typing import Annotated

import typer

from runfold.surfaces.cli import exits, options
from runfold.surfaces.cli.context import of
from runfold.surfaces.cli.faults import CliError


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(sql)


def sql(
    ctx: typer.Context,
    query: Annotated[
        str | None, typer.Option("--command", "-c", metavar="QUERY", help="Answer this, and end.")
    ] = None,
    tenant: Annotated[
        str | None,
        typer.Option("--tenant", help="As the login of this tenant, which sees its rows alone."),
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV, for programs.")] = False,
    json: options.Json = False,
) -> None:
    """Ask the tables in SQL, as a login that only reads: by psql, or in a small shell.

    Nothing can be changed: every transaction only reads. `runfold status --show-password` shows the
    login's address, for programs of yours. Exits with 65 where Postgres cannot answer.
    """
    from runfold.surfaces.cli.sql.session import run_sql

    if csv and json:
        raise CliError("Say --csv or --json, not both.", exits.USAGE)
    form = "csv" if csv else "json" if json else "table"
    raise typer.Exit(run_sql(of(ctx), query, form, tenant))
