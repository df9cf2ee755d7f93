"""``python -m benchmarks.single.projecting``: what the projector costs an event.

Records a journal of real runs on a real broker, then projects it into empty databases, round
after round, in this process. Processor time is the figure to compare: it hardly depends on what
else the machine does. Of Postgres it is that of the backend that writes; bytes are those of the
tables with what the changes of their rows have left behind.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psycopg

from benchmarks.support.machine import backend_seconds
from benchmarks.support.stack import PROCESSES, running
from benchmarks.support.traffic import Traffic
from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.infra.process.gc import collect_seldom
from runfold.producers.log.kafka import TopicReader
from runfold.projections import schema
from runfold.projections.observability.watcher import Watcher
from runfold.projections.store.projector import Projector, ProjectorConfig
from runfold.projections.store.reading.reader import ReaderConfig
from runfold.stack.settings import Settings

_RECORDERS = tuple(process for process in PROCESSES if process.name != "projector")
_PATIENCE_S = 120.0
_WORTH_A_LINE = 100
"""Bytes a run below which a table is not named."""


class Bytes(NamedTuple):
    """What a table takes at rest, in bytes."""

    heap: int
    indexes: int
    toast: int

    @property
    def whole(self) -> int:
        """The sum of them."""
        return self.heap + self.indexes + self.toast

    def line(self, runs: int) -> str:
        """Return it as a person reads it: KB a run."""
        return " ".join(f"{name} {size / runs / 1024:.1f}" for name, size in self._asdict().items())


@dataclass(frozen=True)
class Round:
    """One journal projected into one empty database; processor times are those of all threads."""

    events: int
    seconds: float
    projector_s: float
    postgres_s: float
    tables: dict[str, Bytes]

    def line(self) -> str:
        """Return it as a person reads it."""
        return (
            f"{self.events} events: {self.projector_s / self.events * 1e6:.1f} µs an event"
            f" + Postgres {self.postgres_s / self.events * 1e6:.1f} µs;"
            f" {self.events / self.seconds:,.0f} events/s"
        )


class Projecting:
    """Projects one journal into databases that it makes."""

    def __init__(self, settings: Settings, *, count: bool) -> None:
        """Remember the stack; ``count`` has the projector keep its metrics as well."""
        self._settings = settings
        self._count = count
        self._rounds = 0
        reader = TopicReader(settings.kafka_config(), Codec(LockRegistry()))
        self._events = sum(1 for _ in reader.read(topics.EVENTS))

    def round(self) -> Round:
        """Project everything into an empty database."""
        self._rounds += 1
        name = f"projecting_{self._rounds}"
        with psycopg.connect(self._settings.database_url, autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name}".encode())
        url = f"{self._settings.database_url.rpartition('/')[0]}/{name}"
        schema.ensure(url)
        return self._project(url)

    def _project(self, url: str) -> Round:
        projector = Projector(
            ProjectorConfig(
                reader=ReaderConfig(self._settings.kafka_config()),
                database_url=url,
                partitions=tuple(range(self._settings.partitions)),
                owner="benchmark",
            ),
            Codec(LockRegistry()),
            watcher=Watcher(count=self._count),
        )
        before = time.process_time(), time.perf_counter()
        found: list[Round] = []
        until = time.monotonic() + _PATIENCE_S

        def watch() -> None:
            while projector.projected < self._events and time.monotonic() < until:
                time.sleep(0.005)
            after = time.process_time(), time.perf_counter()
            # The connection is still open: what a backend used is lost with its end.
            postgres_s, tables = _used(url)
            found.append(
                Round(
                    projector.projected,
                    after[1] - before[1],
                    after[0] - before[0],
                    postgres_s,
                    tables,
                )
            )
            projector.stop()

        watcher = threading.Thread(target=watch)
        watcher.start()
        projector.run()
        watcher.join()
        return found[0]


def _used(url: str) -> tuple[float, dict[str, Bytes]]:
    """Return the processor seconds of the one other backend of a database, and its tables."""
    with psycopg.connect(url) as connection:
        (backend,) = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        ).fetchall()
        sizes = connection.execute(
            "SELECT relname, pg_relation_size(oid), pg_indexes_size(oid),"
            " pg_table_size(oid) - pg_relation_size(oid) FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
            " ORDER BY pg_total_relation_size(oid) DESC"
        ).fetchall()
    return backend_seconds(backend[0]), {name: Bytes(*size) for name, *size in sizes}


def measure(home: Path, runs: int, rounds: int, *, count: bool) -> list[Round]:
    """Return so many rounds over a journal of so many runs."""
    with running(home, _RECORDERS) as settings:
        traffic = Traffic(settings)
        traffic.publish_definitions()
        traffic.complete_all(runs)
        collect_seldom()
        projecting = Projecting(settings, count=count)
        projecting.round()
        return [projecting.round() for _ in range(rounds)]


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; 0 when it was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300, help="runs in the journal")
    parser.add_argument("--rounds", type=int, default=3, help="project them so often")
    parser.add_argument("--metrics", action="store_true", help="count for the metrics as well")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="runfold-bench-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        found = measure(home, chosen.runs, chosen.rounds, count=chosen.metrics)
    for each in found:
        print(each.line())
    for name, table in found[-1].tables.items():
        if table.whole > _WORTH_A_LINE * chosen.runs:
            print(f"{name}: KB a run: {table.line(chosen.runs)}")
    whole = sum(table.whole for table in found[-1].tables.values()) / chosen.runs / 1024
    print(f"all tables: KB a run: {whole:.1f}")
    middle = statistics.median(each.projector_s / each.events * 1e6 for each in found)
    backend = statistics.median(each.postgres_s / each.events * 1e6 for each in found)
    print(f"median {middle:.1f} µs an event + Postgres {backend:.1f} µs")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
