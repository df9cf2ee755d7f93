"""Stretches of the log into Postgres: positions and rows in one transaction, under the fence."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Self

import psycopg
from psycopg import Cursor

from runfold.events import topics
from runfold.events.border import text_of
from runfold.infra.database.connection import DURABLE, LOSABLE, PATIENT, Session, transaction
from runfold.infra.process.failpoints import failpoint
from runfold.producers.log.topics.remembered import Now
from runfold.projections.errors import Fenced, FoldError
from runfold.projections.observability.metrics import FAILURES, STRANGE
from runfold.projections.store import positions
from runfold.projections.store.positions import Held, Place
from runfold.projections.store.reading.record_batch import RecordBatch, batch_of, place_of
from runfold.projections.store.refusals import cannot_take
from runfold.projections.store.rows.writing import cleaned, fold, write
from runfold.projections.store.strange_log import sentence, strange
from runfold.projections.summaries import due
from runfold.projections.view import Batch, Placed, Rows, View

_log = logging.getLogger(__name__)

_LONGEST_ID, _LONGEST_ERROR = 256, 4_000

# The journal can be read again from the position, which is lost together with the rows, if it is
# lost: so no commit has to wait for the disk.
#
# Positions that a rebuild holds, or tables that an operator has locked, are asked for again before
# the watchdog takes the wait for a hang.
_WAITS = (*PATIENT, "lock_timeout = '20s'")
_LOCAL = (LOSABLE, *_WAITS)


class Store:
    """What one projector has taken, and the connection it writes through."""

    def __init__(self, url: str, views: list[View], partitions: list[int], owner: str) -> None:
        self._url = url
        self._views = views
        self._places = positions.places(views, partitions)
        self._owner = owner
        self._connection: Session | None = None
        self.held: dict[Place, Held] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def open(self) -> None:
        """Connect; take the positions the first time, afterwards make sure they are still ours.

        Raises Fenced if another projector took them, psycopg.OperationalError if nobody answers.
        """
        self.close()
        connection = Session.to(self._url)
        self._connection = connection
        if not self.held:
            with transaction(connection, *_WAITS):
                # The epoch is no row that could be made again: it must survive the database.
                connection.execute(DURABLE)
                held = positions.take(connection, self._places, self._owner)
            self.held = held
            return
        with transaction(connection):
            found = positions.look(connection, self._places)
        if {p: held.epoch for p, held in found.items()} != {
            p: held.epoch for p, held in self.held.items()
        }:
            raise Fenced("Another projector took over while the database was away.")
        self.held = found

    def settle(self, now: dict[tuple[str, int], Now]) -> set[tuple[str, int]]:
        """Return the partitions that a view cannot go on with: its position is of another log.

        Of all others it is noted which topics the positions are of.
        """
        assert self._connection is not None
        found = strange(self.held, now)
        for place in found:
            STRANGE(place.view).inc()
            at = (place.topic, place.partition)
            _log.critical("%s", sentence(place, self.held[place], now[at]))
        named = {
            place: replace(held, topic_id=now[place.topic, place.partition].topic_id)
            for place, held in self.held.items()
            if place not in found
        }
        with transaction(self._connection):
            positions.name(self._connection, named)
        self.held.update(named)
        return {(place.topic, place.partition) for place in found}

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def starts(self) -> dict[tuple[str, int], int]:
        """Return where reading has to begin for the view that is furthest behind."""
        found: dict[tuple[str, int], int] = {}
        for place, held in self.held.items():
            at = (place.topic, place.partition)
            found[at] = min(held.next_offset, found.get(at, held.next_offset))
        return found

    def epochs(self) -> dict[int, int]:
        """Return the epoch under which the rows of runs are written, by partition."""
        return {
            place.partition: held.epoch
            for place, held in self.held.items()
            if (place.view, place.topic) == ("runs", topics.EVENTS)
        }

    def furthest(self) -> dict[tuple[str, int], int]:
        """Return the next offset of each partition of the view that is furthest ahead."""
        found: dict[tuple[str, int], int] = {}
        for place, held in self.held.items():
            at = (place.topic, place.partition)
            found[at] = max(held.next_offset, found.get(at, 0))
        return found

    def write(self, batch: RecordBatch) -> None:
        """Write a batch; where a view cannot take an event, that alone is left out, on record.

        Raises Fenced if the positions are held by another projector now.
        """
        try:
            self._commit(batch, lambda cursor: self._rows(cursor, batch))
        except (psycopg.Error, FoldError) as error:
            if not cannot_take(error):
                raise
            if len(batch.items) > 1:
                for half in batch.halves():
                    self.write(half)
            else:
                # What Postgres says quotes the row; the whole of it is in projection_failures.
                _log.warning("an event cannot be projected: %s", type(error).__name__)
                self._commit(batch, lambda cursor: self._one(cursor, batch))

    def _commit(self, batch: RecordBatch, put: Callable[[Cursor], None]) -> None:
        assert self._connection is not None
        moves = batch.moves(self.held, self._views)
        if not moves:
            return
        failpoint("projector.before_begin")
        with transaction(self._connection, *_LOCAL), self._connection.cursor() as cursor:
            # 1. The positions, whose epoch is the fence: nothing is written by one overtaken.
            positions.advance(cursor, moves)
            failpoint("projector.after_positions")
            # 2. The rows.
            put(cursor)
            failpoint("projector.before_commit")
            # 3. Both at once, by the commit.
        failpoint("projector.after_commit")
        self.held.update(moves)

    def _rows(self, cursor: Cursor, batch: RecordBatch) -> None:
        for view in self._views:
            rows = self._rows_of(view, batch)
            write(cursor, rows)
            due.note(cursor, rows)
            failpoint(f"projector.after_{view.name}")

    def _rows_of(self, view: View, batch: RecordBatch) -> Rows:
        if batch.rows is not None and batch.is_new_to(view, self.held):
            return batch.rows[view.name]
        return fold(view, self._unseen(view, batch))

    def _unseen(self, view: View, batch: RecordBatch) -> Batch:
        return batch_of(batch.unseen_by(view, self.held))

    def _one(self, cursor: Cursor, batch: RecordBatch) -> None:
        """Write a single item into each view that can take it, and put on record which cannot."""
        for view in self._views:
            try:
                with cursor.connection.transaction():
                    rows = cleaned(fold(view, self._unseen(view, batch)))
                    write(cursor, rows)
                    due.note(cursor, rows)
            except (psycopg.Error, FoldError) as error:
                if not cannot_take(error):
                    raise
                FAILURES(view.name).inc()
                _put_on_record(cursor, view, batch, str(error))


def _put_on_record(cursor: Cursor, view: View, batch: RecordBatch, error: str) -> None:
    item = batch.items[0]
    topic, partition = place_of(item)
    meta = item.meta if isinstance(item, Placed) else None
    cursor.execute(
        "INSERT INTO projection_failures"
        " (view, topic, topic_partition, topic_offset, run_id, seq, error, time)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (view, topic, topic_partition, topic_offset) DO UPDATE"
        " SET error = excluded.error",
        (
            view.name,
            topic,
            partition,
            item.offset,
            # It quotes what could not be taken, and must itself be taken.
            meta and text_of(meta.run_id)[:_LONGEST_ID],
            meta and meta.seq,
            text_of(error)[:_LONGEST_ERROR],
            meta and meta.time,
        ),
    )
