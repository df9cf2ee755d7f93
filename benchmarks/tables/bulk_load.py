"""Fills the tables of the views with rows as many runs would leave them, without the runs.

Rows are made by the server, in the order in which they would have come. Ids and documents have
about the length of real ones, so that pages and indexes are as full.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.types import BigInteger, Boolean, DateTime, Integer, Numeric

from runfold.projections import schema
from runfold.projections.tables import METADATA

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
"""When the first run was made; one follows each second."""

A_RUN = {
    "runs": 1,
    "run_events": 50,
    "tool_calls": 5,
    "model_calls": 6,
    "approvals": 1,
    "checkpoints": 5,
    "costs": 6,
    "audit": 1,
    "policy_decisions": 5,
    "dead_letters": 1,
}
"""Rows of each table that a run of 11 steps leaves; approvals and dead letters are an allowance."""

_SLICE = 250_000
_RUN = "'run-' || lpad(({}) :: text, 32, '0')"
_ID = f"{_RUN.format('r')} || '.' || k"
_DIGEST = "repeat(md5(n :: text), 2)"

_VALUES = {
    # Five events after one another are about one call.
    "run_events.call_id": f"{_RUN.format('r')} || '.' || (k - 1) / 5",
    "run_events.type": "CASE k % 5 WHEN 2 THEN 'PolicyDecided' WHEN 3 THEN 'ToolCallStarted'"
    " ELSE 'ModelCalled' END",
    "run_events.fact": "CASE WHEN k = 1 AND r % 10 = 0"
    """ THEN '{"limits": {"max_cost": "1.00"}}' :: json"""
    " ELSE json_build_object('effect', 'permit', 'text', repeat(md5(n :: text), 10)) END",
    "approvals.status": "CASE WHEN r % 101 = 0 THEN 'pending' ELSE 'approved' END",
    "run_id": _RUN.format("r"),
    "seq": "k",
    "step_number": "k",
    "tool_call_id": _ID,
    "model_call_id": _ID,
    "approval_id": _ID,
    "checkpoint_id": f"{_ID} || '/checkpoint'",
    "tenant_id": "'t-' || r % 50",
    "thread_id": "CASE WHEN r % 9 = 0 THEN 'thread-' || r / 90 END",
    "parent_run_id": f"CASE WHEN r % 9 = 0 THEN {_RUN.format('r / 90')} END",
    "status": "CASE WHEN r % 101 = 0 THEN 'waiting_for_human' ELSE 'completed' END",
    "exit_status": "CASE WHEN r % 101 <> 0 THEN 'success' END",
    "tool_name": "'tool_name-' || n % 9",
    "idempotency_key": "'key-' || n",
    "kind": "CASE k % 2 WHEN 0 THEN 'tool' ELSE 'model' END",
    "prev_hash": _DIGEST,
    "hash": _DIGEST,
    "last_hash": _DIGEST,
    "state_hash": _DIGEST,
    "context_digest": _DIGEST,
}
"""The SQL of a column's value, by column, and by table and column.

``n`` counts the rows from 1, ``r`` the runs from 0, ``k`` a run's rows from 1.
"""


@dataclass(frozen=True, slots=True)
class BulkLoad:
    """So many runs with so many rows each, by table; tables that are not named stay empty."""

    runs: int
    a_run: Mapping[str, int]

    @property
    def rows(self) -> dict[str, int]:
        """Rows of each table."""
        return {name: self.runs * many for name, many in self.a_run.items()}


@dataclass(frozen=True, slots=True)
class Known:
    """What is known to be in filled tables, to ask for it."""

    run_id: str
    thread_id: str
    tenant_id: str
    tool_name: str
    idempotency_key: str
    early: datetime
    late: datetime

    @classmethod
    def of(cls, runs: int) -> Known:
        """Return what to ask for among so many runs: ``late`` leaves the last 2,000 at most."""
        # Runs that others are children of.
        number = runs // 180
        return cls(
            run_id=f"run-{number:032}",
            thread_id=f"thread-{number}",
            tenant_id="t-3",
            tool_name="tool_name-7",
            idempotency_key="key-7",
            early=BEGIN + timedelta(minutes=5),
            late=BEGIN + timedelta(seconds=runs - min(2000, runs // 10)),
        )


def fill(url: str, load: BulkLoad, report: Callable[[str], None] = lambda _: None) -> None:
    """Make the tables in an empty database, put the rows into them, and have them analysed."""
    schema.ensure(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        for table in METADATA.sorted_tables:
            if many := load.rows.get(table.name):
                fill_table(connection, table, many, load.a_run[table.name])
                report(f"{table.name}: {many:,} rows")
        connection.execute("VACUUM (ANALYZE)")


def fill_table(
    connection: psycopg.Connection,
    table: Table,
    rows: int,
    a_run: int,
    other: Mapping[str, str] | None = None,
) -> None:
    """Put rows into a table, ``a_run`` of each run; ``other`` is other SQL for some columns."""
    names = ", ".join(column.name for column in table.columns)
    values = ", ".join(
        (other or {}).get(column.name) or _value(table, column.name, column.type)
        for column in table.columns
    )
    for first in range(1, rows + 1, _SLICE):
        last = min(rows, first + _SLICE - 1)
        insert = (
            f"INSERT INTO {table.name} ({names}) SELECT {values} FROM"
            f" (SELECT n, (n - 1) / {a_run} AS r, (n - 1) % {a_run} + 1 AS k"
            f" FROM generate_series({first} :: bigint, {last}) AS n) AS numbered"
        )
        connection.execute(insert.encode())


def _value(table: Table, name: str, kind: Any) -> str:
    known = _VALUES.get(f"{table.name}.{name}") or _VALUES.get(name)
    return known or _plain(kind, name)


def _plain(kind: Any, name: str) -> str:
    """Return a value of a type that nobody asks for by name."""
    match kind:
        case Boolean():
            return "true"
        case Numeric():
            return "n % 100 * 0.0001"
        case BigInteger() | Integer():
            return "n"
        case DateTime():
            return (
                f"timestamptz '{BEGIN:%Y-%m-%d %H:%MZ}'"
                " + r * interval '1 second' + k * interval '10 milliseconds'"
            )
        case JSON():
            return "'{}'"
        case _:
            return f"'{name}-' || n"
