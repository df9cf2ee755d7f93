"""Making a view again from offset 0, beside the live one, and putting it in its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row
from sqlalchemy import Column, Table
from sqlalchemy.dialects.postgresql import JSON

from runfold.events.avro.codec import Codec
from runfold.infra.database import roles
from runfold.infra.database.address import quoted
from runfold.infra.database.connection import PATIENT, Session, transaction
from runfold.infra.process.failpoints import failpoint
from runfold.projections import schema
from runfold.projections.errors import UnknownView
from runfold.projections.store import positions
from runfold.projections.store.copying import Copy, copy_schema, make_tables
from runfold.projections.store.positions import Held, Place
from runfold.projections.store.reading.reader import ReaderConfig
from runfold.projections.store.reading.record_batch import TopicPartition
from runfold.projections.store.rows.sql import qualified
from runfold.projections.view import View
from runfold.projections.views import VIEWS

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild has made: rows a table."""

    view: str
    rows: dict[str, int]


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


def rebuild(name: str, url: str, reader: ReaderConfig, codec: Codec) -> Rebuilt:
    """Fold a view again from offset 0 and swap it for the live one, which goes on meanwhile.

    Raises UnknownView for a name that is none. The live projector waits only for the last piece.
    """
    view = _view(name)
    with Session.to(url) as connection:
        with transaction(connection):
            places, beside = _places(connection, view), copy_schema(view, _live(connection))
        copy = Copy(view, beside, reader, codec, _partitions(places))
        try:
            # 1. A copy, up to where the live view is now.
            with transaction(connection, *PATIENT):
                make_tables(connection, view, beside)
                held = positions.look(connection, places)
            copy.advance(connection, _until(held))
            failpoint("rebuild.before_swap")
            with transaction(connection, *PATIENT):
                # 2. The live view stands still, and the copy catches up with it exactly: the
                #    positions then hold for the copy as they stand.
                copy.advance(connection, _until(positions.lock(connection, places)))
                # 3. The copy takes its place, for good.
                _swap(connection, view, beside)
                connection.execute("DELETE FROM projection_failures WHERE view = %s", (view.name,))
                rows = {table.name: _count(connection, table.name) for table in view.tables}
                failpoint("rebuild.before_commit")
        finally:
            copy.close()
    return Rebuilt(view.name, rows)


def compare(name: str, url: str, reader: ReaderConfig, codec: Codec) -> Difference:
    """Return how a live view differs, row by row, from a new fold up to its own positions.

    It reads the live view in one snapshot, holds nobody up, and leaves nothing behind.
    """
    view = _view(name)
    with (
        Session.to(url) as connection,
        transaction(connection, *PATIENT, level="REPEATABLE READ", keep=False),
    ):
        places, beside = _places(connection, view), copy_schema(view, _live(connection))
        held = positions.look(connection, places)
        make_tables(connection, view, beside)
        copy = Copy(view, beside, reader, codec, _partitions(places))
        try:
            copy.advance(connection, _until(held))
        finally:
            copy.close()
        return _difference(connection, view, beside)


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


def _swap(connection: Connection, view: View, beside: str) -> None:
    # SQL views hold on to the tables they were made over.
    schema.drop_sql_views(connection)
    live = _live(connection)
    for table in view.tables:
        connection.execute(f"DROP TABLE {table.name}".encode())
        connection.execute(
            f"ALTER TABLE {qualified(table, beside)} SET SCHEMA {quoted(live)}".encode()
        )
    connection.execute(f"DROP SCHEMA {quoted(beside)}".encode())
    schema.make_sql_views(connection)
    # New tables, which nobody was granted anything on yet.
    roles.grant(connection, live)


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
            found.extend(rows[:_SHOWN])
    examples = [{"side": "live", **row} for row in only_live]
    examples += [{"side": "rebuilt", **row} for row in only_rebuilt]
    return Difference(view.name, counts[0], counts[1], examples)


def _except(connection: Connection, table: Table, one: str, other: str) -> list[dict[str, Any]]:
    names = ", ".join(map(_comparable, table.columns))
    query = f"SELECT {names} FROM {one} EXCEPT ALL SELECT {names} FROM {other}"  # noqa: S608 - our own tables
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode()).fetchall()
