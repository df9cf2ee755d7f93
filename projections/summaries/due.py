"""Which runs have a row that runs.summaries does not show yet: notes beside the rows.

A note is written in the transaction of its row, and goes only once the broker has the summary. So
neither a crash between the two nor a row written without a summary can lose one. A note that comes
again while its summary is on its way has another mark, and stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from psycopg import Connection, Cursor

from runfold.projections.tables import runs, tenant_erasures
from runfold.projections.view import Rows

_MARK = "pg_current_xact_id()::text::bigint"
_NOTE = (
    "INSERT INTO summaries_due (run_id, journal_partition, mark)"  # noqa: S608 - our own words
    f" SELECT run_id, journal_partition, {_MARK} FROM runs {{which}} ORDER BY run_id"
    " ON CONFLICT (run_id) DO UPDATE SET mark = excluded.mark"
).format

_NOTE_RUNS = _NOTE(which="WHERE run_id = ANY(%s)")
_NOTE_TENANTS = _NOTE(which="WHERE tenant_id = ANY(%s)")
_NOTE_ALL = _NOTE(which="")

# The run's row may be gone, and with it the partition's only other mention.
_TAKE = """
    SELECT d.run_id, d.mark, e.tenant_id IS NOT NULL AS erased, r.run_id IS NOT NULL AS there,
        r.tenant_id, r.user_id, r.agent, r.agent_version, r.model, r.status, r.seq, r.created_at,
        r.updated_at, coalesce(r.completed_at, r.cancelled_at) AS ended_at, r.exit_status,
        r.exit_code, r.cost_usd, r.unpriced_calls, r.model_calls, r.tool_calls, r.retries,
        r.input_tokens, r.output_tokens, r.feature, r.thread_id, r.parent_run_id
    FROM (SELECT run_id, mark FROM summaries_due
          WHERE journal_partition = %s AND run_id > %s ORDER BY run_id LIMIT %s) AS d
    LEFT JOIN runs AS r ON r.run_id = d.run_id
    LEFT JOIN tenant_erasures AS e ON e.tenant_id = r.tenant_id AND r.created_at <= e.erased_at
    ORDER BY d.run_id"""

# What comes before it in the write-ahead log is on the disk once its commit is.
_FLUSH = "SELECT pg_logical_emit_message(true, 'runfold', '')"

_EPOCHS = """
    SELECT topic_partition, epoch FROM projection_positions
    WHERE view = 'runs' AND topic = 'runs.events' AND topic_partition = ANY(%s)"""

_DONE = """
    DELETE FROM summaries_due AS d USING unnest(%s::text[], %s::bigint[]) AS n(run_id, mark)
    WHERE d.run_id = n.run_id AND d.mark = n.mark"""


class Due(NamedTuple):
    """A note, and the run's row by column; None where there is to be no summary any more."""

    run_id: str
    mark: int
    row: dict[str, Any] | None


def note(cursor: Cursor, rows: Rows) -> None:
    """Note the runs whose rows were just written, and those of tenants that were erased."""
    if changed := rows.changed.get(runs):
        cursor.execute(_NOTE_RUNS.encode(), (list(changed),))
    if erased := rows.changed.get(tenant_erasures):
        cursor.execute(_NOTE_TENANTS.encode(), (list(erased),))


def note_all(connection: Connection) -> int:
    """Note every run; return how many there are."""
    return connection.execute(_NOTE_ALL.encode()).rowcount


def partitions_due(connection: Connection, partitions: Sequence[int]) -> list[int]:
    """Return those of these partitions that have notes."""
    rows = connection.execute(
        "SELECT p FROM unnest(%s::bigint[]) AS p WHERE EXISTS"
        " (SELECT FROM summaries_due WHERE journal_partition = p) ORDER BY p",
        (list(partitions),),
    ).fetchall()
    return [int(row[0]) for row in rows]


def epochs(connection: Connection, partitions: Sequence[int]) -> dict[int, int]:
    """Return the epochs under which the rows of these partitions are written now."""
    return dict(connection.execute(_EPOCHS.encode(), (list(partitions),)).fetchall())


def take(connection: Connection, partition: int, after: str, limit: int) -> list[Due]:
    """Return notes of a partition with their rows, in the order of run ids.

    Called within a transaction that waits for the disk: what it returns, the database keeps. A
    summary can so never be ahead of a row that a crash of the database takes back.
    """
    connection.execute(_FLUSH.encode())
    cursor = connection.execute(_TAKE.encode(), (partition, after, limit))
    assert cursor.description is not None
    names = [column.name for column in cursor.description]
    return [_due(dict(zip(names, row, strict=True))) for row in cursor.fetchall()]


def done(connection: Connection, notes: Iterable[Due]) -> None:
    """Remove notes whose summaries are durable, but not those that came again meanwhile."""
    found = list(notes)
    connection.execute(
        _DONE.encode(), ([each.run_id for each in found], [each.mark for each in found])
    )


def _due(row: dict[str, Any]) -> Due:
    mark, erased, there = (row.pop(name) for name in ("mark", "erased", "there"))
    return Due(row["run_id"], mark, row if there and not erased else None)
