"""Making a view again from offset 0, beside the live one, and putting its rows in their place."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.rows import dict_row
from sqlalchemy import Column, Table
from sqlalchemy.dialects.postgresql import JSON

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.infra.database import layout
from runfold.infra.database.address import quoted
from runfold.infra.database.connection import DURABLE, PATIENT, Session, transaction
from runfold.infra.process.failpoints import failpoint
from runfold.producers.log.topics.beginnings import lost_starts, need_starts
from runfold.projections.errors import RebuildRefused, UnknownView
from runfold.projections.store import dependents, positions
from runfold.projections.store.copying import Copy, copy_schema, drop_tables, make_tables
from runfold.projections.store.patience import Patience, patiently
from runfold.projections.store.positions import Held, Place
from runfold.projections.store.reading.reader import ReaderConfig
from runfold.projections.store.reading.record_batch import TopicPartition
from runfold.projections.store.replacing import refill, swap
from runfold.projections.store.rows.sql import qualified
from runfold.projections.summaries import due
from runfold.projections.tables import runs
from runfold.projections.view import View
from runfold.projections.views import VIEWS

_SHOWN = 20
_PATIENCE = Patience()


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild has made: rows a table, and how many were not as they should be."""

    view: str
    rows: dict[str, int]
    changed: int


@dataclass(frozen=True, slots=True)
class Difference:
    """How a live view differs from the fold of the journal: how many rows, and the first ones."""

    view: str
    only_live: int
    only_rebuilt: int
    examples: list[dict[str, Any]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many rows differ; 0 says that the view equals the fold of the journal."""
        return self.only_live + self.only_rebuilt


def rebuild(
    name: str, url: str, reader: ReaderConfig, codec: Codec, patience: Patience = _PATIENCE
) -> Rebuilt:
    """Fold a view again from offset 0 and put its rows in place of the live ones.

    Views, grants, triggers and indexes over the tables stay, and no reader waits; the projector
    waits only for the last piece. Raises UnknownView for a name that is none, LostStartError where
    the log does not hold all that the view was made of, RebuildRefused before anything is folded,
    and TablesInUse where others hold the tables. A failure leaves the live view as it was, and no
    copy.
    """
    view = _view(name)
    with Session.to(url) as connection, Session.to(url) as copying:
        with transaction(copying, *PATIENT):
            live, places = _live(copying), _places(copying, view)
        _need_whole(reader, places)
        of = _Work(view, live, copy_schema(view, live), places)
        copy = Copy(view, of.beside, reader, codec, _partitions(places))
        try:
            return _rebuild(connection, copying, of, copy, patience)
        except BaseException:
            with suppress(psycopg.Error):
                _sweep(copying, live)
            raise
        finally:
            copy.close()


@dataclass(frozen=True, slots=True)
class _Work:
    """One rebuild: the schemas of the live tables and of their copies, and what they hold."""

    view: View
    live: str
    beside: str
    places: list[Place]

    @property
    def tables(self) -> list[str]:
        return [table.name for table in self.view.tables]


def _rebuild(
    connection: Session, copying: Session, of: _Work, copy: Copy, patience: Patience
) -> Rebuilt:
    with transaction(connection, *PATIENT):
        # 1. Nobody else rebuilds this view; what interrupted ones have left is dropped.
        _reserve(connection, of)
        _sweep(copying, of.live)
        replaced = _begin(copying, of)
        # 2. A copy, up to where the live view is now.
        _catch_up(copying, of, copy)
        failpoint("rebuild.before_swap")
        # 3. and 4., as often as others hold the tables.
        connection.execute(DURABLE)
        put = partial(_put_in_place, connection, copying, of, copy, replaced=replaced)
        return patiently(connection, of.tables, put, patience)


def _begin(copying: Session, of: _Work) -> bool:
    """Make the empty copy; return whether it must replace the tables, which must be possible."""
    with transaction(copying, *PATIENT):
        make_tables(copying, of.view, of.beside)
        replaced = dependents.altered(copying, of.view, of.live, of.beside)
        if replaced:
            dependents.need_replaceable(copying, of.view, of.live)
    return replaced


def _catch_up(copying: Session, of: _Work, copy: Copy) -> None:
    with transaction(copying):
        held = positions.look(copying, of.places)
    copy.advance(copying, _until(held))
    with transaction(copying, *PATIENT):
        for table in of.view.tables:
            copying.execute(f"ANALYZE {qualified(table, of.beside)}".encode())


def _put_in_place(
    connection: Session, copying: Session, of: _Work, copy: Copy, *, replaced: bool
) -> Rebuilt:
    # 3. The live view stands still, and the copy catches up with it exactly: the positions then
    #    hold for the copy as they stand. Another session writes the copy, for good, so that it is
    #    whole also where all of this is rolled back and tried again.
    copy.advance(copying, _until(positions.lock(connection, of.places)))
    _note_summaries(connection, of)
    # 4. Its rows are those of the live view.
    if replaced:
        kept = dependents.kept(connection, of.view, of.live)
        changed = sum(_count(connection, table) for table in of.tables)
        swap(connection, of.view, of.live, of.beside, kept)
    else:
        changed = refill(connection, of.view, of.live, of.beside)
    _note_summaries(connection, of)
    drop_tables(connection, of.beside)
    connection.execute("DELETE FROM projection_failures WHERE view = %s", (of.view.name,))
    rows = {table: _count(connection, table) for table in of.tables}
    failpoint("rebuild.before_commit")
    return Rebuilt(of.view.name, rows, changed)


def _note_summaries(connection: Session, of: _Work) -> None:
    """Have every summary written again: before, of rows that go; afterwards, of those that come."""
    if runs in of.view.tables:
        due.note_all(connection)


def _reserve(connection: Connection, of: _Work) -> None:
    if not _locked(connection, of.beside):
        raise RebuildRefused(f"A rebuild of {of.view.name} is under way; wait until it has ended.")


def _sweep(connection: Session, live: str) -> None:
    """Drop copies that nobody works on any more."""
    for view in VIEWS.values():
        left = copy_schema(view, live)
        with transaction(connection, *PATIENT):
            there = connection.execute("SELECT to_regnamespace(%s)", (quoted(left),)).fetchone()
            if there is not None and there[0] is not None and _locked(connection, left):
                drop_tables(connection, left)


def _locked(connection: Connection, name: str) -> bool:
    """Take the lock of a copy until the transaction ends; return whether it was free."""
    found = connection.execute(
        "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, %s))", (name, layout.LOCK)
    ).fetchone()
    return found is not None and bool(found[0])


def compare(name: str, url: str, reader: ReaderConfig, codec: Codec) -> Difference:
    """Return how a live view differs, row by row, from a new fold up to its own positions.

    It reads the live view in one snapshot, holds nobody up, and leaves nothing behind.
    """
    view = _view(name)
    with (
        Session.to(url) as connection,
        transaction(connection, *PATIENT, level="REPEATABLE READ", keep=False),
    ):
        places, beside = _places(connection, view), copy_schema(view, _live(connection), "compare")
        held = positions.look(connection, places)
        _need_whole(reader, places)
        make_tables(connection, view, beside)
        copy = Copy(view, beside, reader, codec, _partitions(places))
        try:
            copy.advance(connection, _until(held))
        finally:
            copy.close()
        return _difference(connection, view, beside)


def _need_whole(reader: ReaderConfig, places: list[Place]) -> None:
    """Raise LostStartError before the last copy of what the log has lost is thrown away."""
    kept = [each for each in _partitions(places) if each[0] in topics.KEPT_WHOLE]
    need_starts(lost_starts(reader.kafka, kept))


def _view(name: str) -> View:
    if name not in VIEWS:
        raise UnknownView(f"There is no view {name!r}; there are {', '.join(sorted(VIEWS))}.")
    return VIEWS[name]


def _places(connection: Connection, view: View) -> list[Place]:
    rows = connection.execute(
        "SELECT view, topic, topic_partition FROM projection_positions WHERE view = %s"
        " ORDER BY view, topic, topic_partition",
        (view.name,),
    ).fetchall()
    return [Place(*row) for row in rows]


def _partitions(places: list[Place]) -> set[TopicPartition]:
    return {(place.topic, place.partition) for place in places}


def _live(connection: Connection) -> str:
    row = connection.execute("SELECT current_schema()").fetchone()
    assert row is not None
    return str(row[0])


def _until(held: dict[Place, Held]) -> dict[TopicPartition, int]:
    return {
        (place.topic, place.partition): position.next_offset for place, position in held.items()
    }


def _count(connection: Connection, table: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()  # noqa: S608
    assert row is not None
    return int(row[0])


def _comparable(column: Column[Any]) -> str:
    # JSON has no equality of its own; and tables of an earlier release hold it as JSONB.
    return f"{column.name}::jsonb" if isinstance(column.type, JSON) else column.name


def _difference(connection: Connection, view: View, beside: str) -> Difference:
    only_live: list[dict[str, Any]] = []
    only_rebuilt: list[dict[str, Any]] = []
    counts = [0, 0]
    for table in view.tables:
        live, copy = table.name, qualified(table, beside)
        for number, (one, other, found) in enumerate(
            ((live, copy, only_live), (copy, live, only_rebuilt))
        ):
            rows = _except(connection, table, one, other)
            counts[number] += len(rows)
            found.extend({"table": table.name, **row} for row in rows[:_SHOWN])
    examples = [{"side": "live", **row} for row in only_live]
    examples += [{"side": "rebuilt", **row} for row in only_rebuilt]
    return Difference(view.name, counts[0], counts[1], examples)


def _except(connection: Connection, table: Table, one: str, other: str) -> list[dict[str, Any]]:
    names = ", ".join(map(_comparable, table.columns))
    # In order, so that the first of both sides are the same rows.
    order = ", ".join(column.name for column in table.primary_key)
    query = f"SELECT {names} FROM {one} EXCEPT ALL SELECT {names} FROM {other} ORDER BY {order}"  # noqa: S608 - our own tables
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode()).fetchall()
