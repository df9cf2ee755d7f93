"""One statement at a time, in a transaction that only reads and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, cast

import psycopg

from runfold.infra.database.connection import Session, transaction
from runfold.surfaces.cli import exits
from runfold.surfaces.cli.faults import CliError

_ONLY_READS = "transaction_read_only = on"
_NO_RESULT = "didn't produce a result"
"""What psycopg says of a statement that gives no rows by its kind, such as SET."""

_NOT_THE_STATEMENT = ("08", "53", "57", "58")
"""Classes of errors that are about the server: connections, resources, its operator."""


_Rows = Generator[Sequence[Any], None, None]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a statement gave: the names of its columns, each once, and its rows as they come."""

    columns: tuple[str, ...]
    rows: Iterator[Sequence[Any]]


@contextmanager
def asked(session: Session, statement: str) -> Iterator[Answer]:
    """Yield the answer to one statement; raises CliError where the statement is at fault.

    Rows are read as they are taken, so that no answer is too long for the memory.
    """
    try:
        with (
            transaction(session, _ONLY_READS, keep=False),
            session.cursor() as cursor,
            # It is sent as one statement: two in a row are refused, and so no other can follow. It
            # holds the connection until it is closed, also where nobody wants the rest.
            closing(cast("_Rows", cursor.stream(statement.encode()))) as found,
        ):
            first = _first(found)
            columns = [column.name for column in cursor.description or ()]
            if first is None:
                columns = _described(session, statement)
            yield Answer(_once(columns), _all(first, found))
    except psycopg.Error as error:
        if (state := error.sqlstate) is None and isinstance(error, psycopg.OperationalError):
            raise
        if state is not None and state.startswith(_NOT_THE_STATEMENT):
            raise
        raise CliError(_said(error), exits.BAD_INPUT) from error


def _first(found: Iterator[Sequence[Any]]) -> Sequence[Any] | None:
    try:
        return next(found, None)
    except psycopg.ProgrammingError as error:
        if error.sqlstate is None and _NO_RESULT in str(error):
            return None
        raise


def _described(session: Session, statement: str) -> list[str]:
    """Return the names of the columns of an answer without rows, which psycopg does not say."""
    session.pgconn.prepare(b"", statement.encode())
    said = session.pgconn.describe_prepared(b"")
    return [(said.fname(number) or b"").decode() for number in range(said.nfields)]


def _all(first: Sequence[Any] | None, rest: Iterator[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    if first is not None:
        yield first
        yield from rest


def _once(names: list[str]) -> tuple[str, ...]:
    """Return names of which none stands twice: a JSON object would lose one."""
    found: list[str] = []
    for name in names:
        other, number = name, 1
        while other in found:
            number += 1
            other = f"{name}_{number}"
        found.append(other)
    return tuple(found)


def _said(error: psycopg.Error) -> str:
    told = error.diag
    first = told.message_primary or (str(error).strip().splitlines() or [type(error).__name__])[0]
    at = f" (at character {told.statement_position})" if told.statement_position else ""
    hint = f" {told.message_hint}" if told.message_hint else ""
    return f"Postgres cannot answer this: {first}{at}.{hint}"
