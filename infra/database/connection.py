"""Connections of Runfold: what a session of theirs needs is set within each transaction.

A pool such as pgbouncer gives each transaction another session of the server, and a session to
another program afterwards. So nothing is set for a session, nothing is prepared under a name, and
no start-up option is asked for; ``SET LOCAL`` also overrules what a database or a role has set.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, Self

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

from runfold.infra.database.address import in_session, quoted, schema_in

if TYPE_CHECKING:
    from sqlalchemy import Engine

_FORMS: Final = (
    "TimeZone = 'UTC'",
    "DateStyle = 'ISO, MDY'",
    "IntervalStyle = 'postgres'",
    "bytea_output = 'hex'",
    "extra_float_digits = 1",
    "standard_conforming_strings = on",
)
"""How values are written and read, whatever the database prefers."""

PATIENT: Final = (
    "statement_timeout = 0",
    "lock_timeout = 0",
    "idle_in_transaction_session_timeout = 0",
)
"""For work that a time-out would only repeat; a watchdog looks after its process."""

LOSABLE: Final = "synchronous_commit = off"
"""For rows that can be made again: no commit waits for the disk."""

DURABLE: Final = (
    "SELECT set_config('synchronous_commit', 'on', true)"
    " WHERE current_setting('synchronous_commit') = 'off'"
)
"""A statement for rows that nothing can make again; what waits for standbys as well, stays."""


class Session(psycopg.Connection[TupleRow]):
    """A connection that knows the schema of Runfold's tables; use ``transaction`` on it."""

    schema: str | None = None

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.secured: dict[str, bool] = {}
        """Tables by name: whether row-level security holds for this login, once it was asked."""

    @classmethod
    def to(cls, url: str, connect_timeout: int = 5) -> Self:
        """Connect; raises psycopg.OperationalError where nobody answers."""
        made = cls.connect(**arguments(url, connect_timeout), autocommit=True)
        made.schema = schema_in(plain(url))
        return made


def plain(url: str) -> str:
    """Return an address as libpq reads it, also of one that was written for SQLAlchemy."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def arguments(url: str, connect_timeout: int) -> dict[str, Any]:
    """Return what every connection is made with, for psycopg in any of its forms."""
    return {
        "conninfo": in_session(plain(url)),
        "connect_timeout": connect_timeout,
        "client_encoding": "utf8",
        "prepare_threshold": None,
    }


def local(schema: str | None, *more: str) -> str:
    """Return the statements that begin each transaction of ours."""
    found = (f"search_path = {quoted(schema)}",) if schema else ()
    return "; ".join(f"SET LOCAL {setting}" for setting in (*found, *_FORMS, *more))


@contextmanager
def transaction(
    connection: Session, *more: str, level: str = "READ COMMITTED", keep: bool = True
) -> Iterator[None]:
    """Run the block in a transaction with our settings and ``more``; within another, a part of it.

    Raises psycopg.Error where the commit did not succeed. Without ``keep`` nothing stays.
    """
    if connection.info.transaction_status != TransactionStatus.IDLE:
        with connection.transaction():
            if more:
                settings = "; ".join(f"SET LOCAL {setting}" for setting in more)
                connection.execute(settings.encode())
            yield
        return
    begin = f"BEGIN ISOLATION LEVEL {level}; {local(connection.schema, *more)}"
    try:
        connection.execute(begin.encode())
        yield
        ended = connection.execute("COMMIT" if keep else "ROLLBACK")
    except BaseException:
        with suppress(psycopg.Error):
            connection.execute("ROLLBACK")
        raise
    if keep and ended.statusmessage != "COMMIT":
        # Postgres answers so where a statement before had failed and nobody heard of it.
        raise psycopg.InternalError("the transaction was rolled back instead of committed")


def engine(url: str, connect_timeout: int = 10) -> Engine:
    """Return an SQLAlchemy engine whose transactions begin as ours do.

    The address may name several hosts, as libpq has it; SQLAlchemy's own parser would refuse it.
    A server that is cut off is not waited for without end.
    """
    from sqlalchemy import create_engine, event  # noqa: PLC0415 - not every process needs it

    begins = local(schema_in(plain(url)))

    def connect() -> psycopg.Connection[TupleRow]:
        made = Session.connect(**arguments(url, connect_timeout))
        made.schema = schema_in(plain(url))
        made.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        return made

    made = create_engine("postgresql+psycopg://", creator=connect)
    event.listen(made, "begin", lambda connection: connection.exec_driver_sql(begins))
    return made
