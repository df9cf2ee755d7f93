"""A second copy of a view, folded from offset 0 up to places that are given."""

from __future__ import annotations

import hashlib
from typing import Any

import psycopg
from psycopg import Connection
from sqlalchemy import MetaData, create_mock_engine

from runfold.events.avro.codec import Codec
from runfold.infra.database.address import quoted
from runfold.infra.database.connection import LOSABLE, PATIENT, Session, transaction
from runfold.projections.errors import FoldError, NotCaughtUp
from runfold.projections.schema import storage_of
from runfold.projections.store.reading.reader import Reader, ReaderConfig
from runfold.projections.store.reading.record_batch import (
    RecordBatch,
    TopicPartition,
    batch_of,
    place_of,
)
from runfold.projections.store.refusals import cannot_take
from runfold.projections.store.rows.writing import cleaned, fold, write
from runfold.projections.view import View

_WAIT_S = 0.2
_LOCAL = (LOSABLE, *PATIENT)
_LONGEST_NAME = 63  # bytes of a name in Postgres
_PATIENCE = 150
"""How often in a row nothing may come before the end of the batch is given up."""


def copy_schema(view: View, live: str, kind: str = "rebuild") -> str:
    """Return the name of the database schema for copies of a view, beside the schema ``live``.

    It is a deployment's own: two may share a database. None can be called so: its setting takes
    no ``$``.
    """
    name = f"{live}${kind}_{view.name}"
    if len(name.encode()) <= _LONGEST_NAME:
        return name
    # Postgres would cut it off, and drop the schema of another deployment by what is left.
    digest = hashlib.sha256(live.encode()).hexdigest()[:16]
    return f"{digest}${kind}_{view.name}"


def make_tables(connection: Connection, view: View, schema: str) -> None:
    """Make the empty tables of a copy, in place of what an interrupted copy has left."""
    drop_tables(connection, schema)
    connection.execute(f"CREATE SCHEMA {quoted(schema)}".encode())
    copies = MetaData()
    for table in view.tables:
        table.to_metadata(copies, schema=schema)
    storage = [said for table in copies.tables.values() for said in storage_of(table)]
    for statement in (*_ddl(copies), *storage):
        connection.execute(statement.encode())


def drop_tables(connection: Connection, schema: str) -> None:
    """Drop a copy, or what there is of it."""
    connection.execute(f"DROP SCHEMA IF EXISTS {quoted(schema)} CASCADE".encode())


def _ddl(metadata: MetaData) -> list[str]:
    """Return everything that makes these tables: columns, indexes, comments."""
    statements: list[str] = []

    def note(statement: Any, *_: object, **__: object) -> None:
        statements.append(str(statement.compile(dialect=engine.dialect)))

    engine = create_mock_engine("postgresql+psycopg://", note)
    metadata.create_all(engine, checkfirst=False)
    return statements


class Copy:
    """The copy while it is made in a schema: what it is folded from, and how far it is."""

    def __init__(
        self,
        view: View,
        schema: str,
        config: ReaderConfig,
        codec: Codec,
        partitions: set[TopicPartition],
    ) -> None:
        self._view = view
        self._schema = schema
        self._reader = Reader(config, codec, dict.fromkeys(partitions, 0), strict=True)
        self._next = dict.fromkeys(partitions, 0)

    def close(self) -> None:
        """Release the connections."""
        self._reader.close()

    def advance(self, connection: Session, until: dict[TopicPartition, int]) -> None:
        """Fold everything before these offsets and nothing after them.

        Raises NotCaughtUp if the log does not hold as much.
        """
        followed: dict[TopicPartition, int] = {}
        idle = 0
        while behind := {at: self._next[at] for at, end in until.items() if self._next[at] < end}:
            if behind.keys() != followed.keys():
                # A partition that is done is read no further: what comes there is for later.
                followed = behind
                self._reader.follow(behind)
            batch = self._reader.read(_WAIT_S)
            idle = 0 if batch.ends else idle + 1
            if idle > _PATIENCE:
                raise NotCaughtUp(
                    f"The log ends before what view {self._view.name} has seen: "
                    "is this the Kafka that the tables were made from?"
                )
            self._write(connection, _within(batch, until))

    def _write(self, connection: Session, batch: RecordBatch) -> None:
        if batch.items:
            self._put(connection, batch)
        for place, end in batch.ends.items():
            self._next[place] = max(self._next[place], end)

    def _put(self, connection: Session, batch: RecordBatch) -> None:
        """Write a batch as the projector does: what the view cannot take is left out."""
        try:
            with transaction(connection, *_LOCAL), connection.cursor() as cursor:
                write(cursor, fold(self._view, batch_of(batch.items)), self._schema)
        except (psycopg.Error, FoldError) as error:
            if not cannot_take(error):
                raise
            if len(batch.items) > 1:
                for half in batch.halves():
                    self._put(connection, half)
            else:
                self._put_cleaned(connection, batch)

    def _put_cleaned(self, connection: Session, batch: RecordBatch) -> None:
        try:
            with transaction(connection, *_LOCAL), connection.cursor() as cursor:
                rows = cleaned(fold(self._view, batch_of(batch.items)))
                write(cursor, rows, self._schema)
        except (psycopg.Error, FoldError) as error:
            if not cannot_take(error):
                raise


def _within(batch: RecordBatch, until: dict[TopicPartition, int]) -> RecordBatch:
    items = [item for item in batch.items if item.offset < until[place_of(item)]]
    ends = {place: min(end, until[place]) for place, end in batch.ends.items()}
    return RecordBatch(items, batch.begins, ends)
