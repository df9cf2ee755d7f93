"""The projector: reads the journal and keeps the views, through crashes of everything around it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
from confluent_kafka import KafkaException
from sqlalchemy.exc import DBAPIError

from runfold.events.avro.codec import Codec
from runfold.events.errors import RegistryError
from runfold.infra.process.failpoints import failpoint
from runfold.infra.process.stall import Positions
from runfold.infra.process.watchdog import Watchdog
from runfold.producers.errors import LogError
from runfold.producers.log.topics.now import now_of
from runfold.projections import schema
from runfold.projections.observability.metrics import BEGUN_AGAIN
from runfold.projections.observability.watcher import Watcher
from runfold.projections.store.reading.prefetch import Prefetch
from runfold.projections.store.reading.reader import Reader, ReaderConfig
from runfold.projections.store.store import Store
from runfold.projections.summaries.keeper import SummaryKeeper
from runfold.projections.view import View
from runfold.projections.views import VIEWS

_log = logging.getLogger(__name__)

_WAIT_S = 0.2
_FIRST_PAUSE_S = 0.05
_AWAY = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    # A server that is a standby now, or was made read-only because its disk is full.
    psycopg.InternalError,
)
_AGAIN = (psycopg.Error, DBAPIError, KafkaException, RegistryError, LogError)


@dataclass(frozen=True, slots=True)
class ProjectorConfig:
    """What one projector keeps: these partitions of the log, in this database."""

    reader: ReaderConfig
    database_url: str = field(repr=False)
    partitions: tuple[int, ...]
    owner: str
    longest_pause_s: float = 5.0
    stuck_after_s: float = 60.0


class Projector:
    """Keeps views until it is stopped or another projector takes its partitions."""

    def __init__(
        self,
        config: ProjectorConfig,
        codec: Codec,
        views: list[View] | None = None,
        watcher: Watcher | None = None,
        summaries: SummaryKeeper | None = None,
    ) -> None:
        self._config = config
        self._codec = codec
        self._views = list(VIEWS.values()) if views is None else views
        self._watcher = watcher or Watcher(count=False)
        self._summaries = summaries
        self._stopping = threading.Event()
        self._watchdog = Watchdog(config.stuck_after_s)
        self._reader: Reader | None = None
        self._tables_in_doubt = False
        self.projected = 0

    def stop(self) -> None:
        """Finish the batch and return from ``run``; may be called from a signal."""
        self._stopping.set()

    def reading(self) -> Positions:
        """Return how far the log was received; nothing while something else is waited for."""
        reader = self._reader
        return reader.reading() if reader is not None else {}

    def run(self) -> None:
        """Project until stopped; raises Fenced when overtaken, ends the process when stuck.

        It survives what the servers do: it goes back to the position that Postgres has,
        which is where the rows end, whether its last commit was answered or not.
        """
        config = self._config
        store = Store(config.database_url, self._views, list(config.partitions), config.owner)
        pause = _FIRST_PAUSE_S
        try:
            with store:
                while not self._stopping.is_set():
                    pause = self._attempt(store, pause)
        finally:
            self._watchdog.off()
            if self._summaries is not None:
                self._summaries.end()

    def _attempt(self, store: Store, pause: float) -> float:
        """Follow the log until it fails or is stopped; return how long to wait next time.

        Where the database refuses what is right for tables of ours, somebody has changed them, or
        what may be done with them: they are made again where they are gone, and waited for where
        only that person can mend it.
        """
        try:
            self._watchdog.beat("opening the database")
            if self._tables_in_doubt:
                schema.ensure(self._config.database_url)
                self._tables_in_doubt = False
            store.open()
            self._watcher.begin(store.furthest())
            if self._summaries is not None:
                self._summaries.begin(store.epochs())
            starts = store.starts()
            aside = store.settle(now_of(self._config.reader.kafka, starts))
            self._follow(store, {place: at for place, at in starts.items() if place not in aside})
        except _AGAIN as error:
            BEGUN_AGAIN().inc()
            refused = isinstance(error, psycopg.Error) and not isinstance(error, _AWAY)
            self._tables_in_doubt |= refused
            level = logging.ERROR if refused else logging.WARNING
            _log.log(level, "projecting goes on in %.1f s: %s", pause, _line(error))
            self._stopping.wait(pause)
            return min(pause * 2, self._config.longest_pause_s)
        return _FIRST_PAUSE_S

    def _follow(self, store: Store, starts: Mapping[tuple[str, int], int]) -> None:
        reader = Reader(
            self._config.reader,
            self._codec,
            starts,
            self._views,
            keep=self._watcher.wants_items,
        )
        with self._reads(reader), reader, Prefetch(lambda: reader.read(_WAIT_S)) as ahead:
            while not self._stopping.is_set():
                self._watchdog.beat("reading the log")
                batch = ahead.next(_WAIT_S)
                if self._watcher.must_look():
                    self._watcher.ends(reader.ends)
                if batch is None:
                    continue
                failpoint("projector.after_read")
                began = time.monotonic()
                self._watchdog.beat("writing to the database")
                store.write(batch)
                if self._summaries is not None:
                    self._summaries.wake()
                self._watcher.committed(batch, time.monotonic() - began)
                self.projected += len(batch.items)

    @contextmanager
    def _reads(self, reader: Reader) -> Iterator[None]:
        self._reader = reader
        try:
            yield
        finally:
            self._reader = None


def _line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0] or type(error).__name__
