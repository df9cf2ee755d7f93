r"""A small shell for SQL where there is no psql: statements end with ``;``, ``\d`` shows tables."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress

from runfold.infra.database.connection import Session
from runfold.surfaces.cli import exits, output
from runfold.surfaces.cli.faults import CliError
from runfold.surfaces.cli.sql.asking import asked
from runfold.surfaces.cli.sql.printing import Printer

_HELP = r"""A statement ends with ; and may have several lines. Nothing can be changed.
\d         tables and views        \d NAME   the columns of one
\q         leave                   \?        this
"""
_TABLES = """
    SELECT c.relname AS name, CASE c.relkind WHEN 'v' THEN 'view' ELSE 'table' END AS kind,
        obj_description(c.oid, 'pg_class') AS says
    FROM pg_class AS c WHERE c.relnamespace = current_schema()::regnamespace
      AND c.relkind IN ('r', 'v') ORDER BY 1"""
_COLUMNS = """
    SELECT a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type,
        col_description(a.attrelid, a.attnum) AS says
    FROM pg_attribute AS a WHERE a.attrelid = to_regclass('{name}') AND a.attnum > 0
      AND NOT a.attisdropped ORDER BY a.attnum"""


def run_shell(session: Session, show: Printer) -> int:
    """Answer what is typed or piped, to its end; return 65 where a piped statement failed."""
    typed = sys.stdin.isatty()
    if typed:
        with suppress(ImportError):
            # Its import gives ``input`` a history.
            import readline  # noqa: F401
        output.console().print(_HELP, end="")
    code: int = exits.OK
    for statement in statements(typed=typed):
        try:
            answer(session, statement, show)
        except CliError as error:
            output.fault(str(error))
            if not typed:
                return error.code
            code = exits.OK
    return code


def answer(session: Session, statement: str, show: Printer) -> None:
    """Print the answer to a statement or to a question about tables."""
    if statement.startswith("\\?"):
        output.console().print(_HELP, end="")
        return
    if statement.startswith("\\d"):
        name = statement[2:].strip().rstrip(";").replace("'", "''")
        statement = _COLUMNS.format(name=name) if name else _TABLES
    with asked(session, statement) as found:
        show(found)


def statements(*, typed: bool) -> Iterator[str]:
    r"""Yield statements, and lines that begin with ``\``, until the end or ``\q``."""
    held: list[str] = []
    for line in _lines(typed=typed, held=held):
        stripped = line.strip()
        if not held and stripped.startswith("\\q"):
            return
        if not held and stripped.startswith("\\"):
            yield stripped
            continue
        if stripped:
            held.append(line)
        if stripped.endswith(";"):
            yield "\n".join(held)
            held.clear()
    if held and not typed:
        yield "\n".join(held)


def _lines(*, typed: bool, held: list[str]) -> Iterator[str]:
    if not typed:
        yield from (line.rstrip("\n") for line in sys.stdin)
        return
    while True:
        try:
            yield input("     -> " if held else "runfold=> ")
        except EOFError:
            output.console().print()
            return
