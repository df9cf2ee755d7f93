"""Keeps runs.summaries in step with the rows, on a thread beside the projector.

The order matters:
1. the producer of a partition is made, which fences the one before
2. in a transaction that waits for the disk: that this projector still writes the partition's rows,
   and the rows that are noted
3. their summaries, in a transaction of Kafka
4. the notes go

One that was overtaken is found out at 2 or fails at 3, so what it read before never comes after
what its successor wrote. Between 3 and 4 a crash leaves the notes, and the summaries come twice.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any

import psycopg
from confluent_kafka import KafkaException

from runfold.events.avro.codec import Codec
from runfold.events.errors import EventsError
from runfold.infra.database.connection import DURABLE, LOSABLE, PATIENT, Session, transaction
from runfold.infra.process.failpoints import failpoint
from runfold.projections.errors import Fenced
from runfold.projections.observability.metrics import SUMMARIES_RESTARTS
from runfold.projections.summaries import due
from runfold.projections.summaries.writer import SummaryWriter

_log = logging.getLogger(__name__)

_AT_ONCE = 500
_PAUSE_S = 0.2
"""The least time between two looks: runs that change often have one summary for many changes."""

_LOOK_S = 2.0
"""The longest: notes also come from other processes, after a rebuild."""

_LONGEST_PAUSE_S = 10.0


class SummaryKeeper:
    """Writes the summaries of one projector's partitions, until it is stopped or overtaken."""

    def __init__(self, kafka: Mapping[str, Any], codec: Codec, url: str) -> None:
        self._kafka, self._codec, self._url = kafka, codec, url
        self._epochs: dict[int, int] = {}
        self._writers: dict[int, SummaryWriter] = {}
        self._thread: threading.Thread | None = None
        self._changed, self._stopping = threading.Event(), threading.Event()

    def begin(self, epochs: Mapping[int, int]) -> None:
        """Keep the summaries of these partitions, whose rows are written under these epochs."""
        if self._thread is None:
            self._epochs = dict(epochs)
            self._thread = threading.Thread(target=self._run, name="summaries", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Look soon: rows were committed."""
        self._changed.set()

    def end(self) -> None:
        """Return when nothing more is written."""
        self._stopping.set()
        self._changed.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        pause = _PAUSE_S
        while not self._stopping.is_set():
            try:
                with Session.to(self._url) as connection:
                    while not self._stopping.is_set():
                        self._changed.clear()
                        self._look(connection)
                        pause = _PAUSE_S
                        self._changed.wait(_LOOK_S)
                        self._stopping.wait(_PAUSE_S)
            except Fenced as error:
                # The projector finds out by itself, at its next batch.
                _log.warning("summaries: %s", error)
                return
            except (KafkaException, EventsError, psycopg.Error) as error:
                self._begin_again(pause, str(error).strip().split("\n", 1)[0])
            except Exception:  # noqa: BLE001 - the views go on, and what it was is on record
                _log.error("summaries: a bug in Runfold", exc_info=True)
                self._begin_again(pause, "a bug in Runfold")
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    def _begin_again(self, pause: float, why: str) -> None:
        SUMMARIES_RESTARTS().inc()
        self._writers.clear()
        _log.warning("summaries go on in %.1f s: %s", pause, why)
        self._stopping.wait(pause)

    def _look(self, connection: Session) -> None:
        with transaction(connection, *PATIENT):
            found = due.partitions_due(connection, list(self._epochs))
        for partition in found:
            self._write_all(connection, partition)

    def _write_all(self, connection: Session, partition: int) -> None:
        """Write what a partition has noted, each run once."""
        after = ""
        while not self._stopping.is_set():
            # 1. The fence.
            writer = self._writers.get(partition)
            if writer is None:
                writer = SummaryWriter(self._kafka, self._codec, partition)
                self._writers[partition] = writer
            # 2. Whether the rows are still this projector's, and the rows, once they are kept.
            with transaction(connection, *PATIENT):
                connection.execute(DURABLE)
                self._need_held(connection, partition)
                notes = due.take(connection, partition, after, _AT_ONCE)
            failpoint("summaries.after_take")
            if not notes:
                return
            # 3. The summaries.
            writer.write(notes)
            # 4. The notes.
            with transaction(connection, LOSABLE, *PATIENT):
                due.done(connection, notes)
            failpoint("summaries.after_done")
            after = notes[-1].run_id

    def _need_held(self, connection: Session, partition: int) -> None:
        if due.epochs(connection, [partition]).get(partition) != self._epochs[partition]:
            raise Fenced(f"another projector writes the rows of partition {partition} now")
