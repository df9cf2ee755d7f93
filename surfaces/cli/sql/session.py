"""``sql``: one query, psql where a person is at a terminal and has one, or the small shell."""

from __future__ import annotations

import sys

import typer

from runfold.surfaces.cli import exits
from runfold.surfaces.cli.context import Context
from runfold.surfaces.cli.sql import printing
from runfold.surfaces.cli.sql.access import access, session
from runfold.surfaces.cli.sql.printing import Printer
from runfold.surfaces.cli.sql.psql import psql, run_psql
from runfold.surfaces.cli.sql.shell import answer, run_shell

_FORMS: dict[str, Printer] = {
    "table": printing.as_table,
    "csv": printing.as_csv,
    "json": printing.as_json,
}


def run_sql(context: Context, query: str | None, form: str, tenant: str | None = None) -> int:
    """Answer a query, or whatever is typed or piped; return the exit code."""
    address = context.attached.database_url
    how = access(address, lambda line: typer.echo(line, err=True), tenant)
    context.reads_now(f"sql: {query}" if query is not None else "sql: a session", tenant)
    at_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    if query is None and form == "table" and at_terminal:
        program = psql(context.settings.home)
        if program is not None:
            return run_psql(program, how)
    with session(how) as opened:
        if query is None:
            return run_shell(opened, _FORMS[form])
        answer(opened, query, _FORMS[form])
    return exits.OK
