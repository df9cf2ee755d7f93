"""How the projector follows at full load, and how fast each view is folded again afterwards."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.support.lag import Lag, Look, Watch, seconds_behind
from benchmarks.support.machine import Processes
from benchmarks.support.stack import running
from benchmarks.support.traffic import Traffic
from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.projections.store.reading.reader import ReaderConfig
from runfold.projections.store.rebuild import rebuild
from runfold.projections.views import VIEWS
from runfold.stack.settings import Settings

_WARM = 100
_PATIENCE_S = 300.0


@dataclass(frozen=True, slots=True)
class Followed:
    """Runs that were asked for at once, and how far the views were behind meanwhile.

    ``most_behind`` counts records of the journal, marks of transactions among them.
    ``caught_up_s`` is from the last completion until the views have everything.
    """

    runs: int
    records: int
    runs_per_s: float
    most_behind: int
    most_behind_s: float
    caught_up_s: float


@dataclass(frozen=True, slots=True)
class Rebuilding:
    """One view folded again from offset 0: events of the journal, rows of its tables.

    ``cpu_us`` is processor time an event, of the rebuilding process and Postgres.
    """

    view: str
    events: int
    rows: int
    seconds: float
    events_per_s: int
    cpu_us: float


def measure(home: Path, runs: int) -> dict[str, Any]:
    """Return the figures ``following``, ``following_looks`` and ``rebuild``."""
    with running(home) as settings:
        traffic = Traffic(settings)
        traffic.publish_definitions()
        traffic.run_all(min(_WARM, runs))
        lag = Lag(settings)
        lag.wait(_PATIENCE_S)
        watch = Watch(lag)
        watch.start()
        took = traffic.complete_all(runs)
        ended = time.monotonic()
        until = ended + _PATIENCE_S
        while watch.looks[-1].behind or watch.looks[-1].at < ended:
            if not watch.is_alive() or time.monotonic() > until:
                raise TimeoutError("the projections did not catch up")
            time.sleep(0.02)
        looks = watch.stop()
        lag.close()
        return {
            "following": [asdict(followed(looks, runs, took, ended))],
            "following_looks": series(looks),
            "rebuild": [asdict(each) for each in _rebuild_all(settings)],
        }


def followed(looks: list[Look], runs: int, took: float, ended: float) -> Followed:
    """Return what the looks come to; ``ended`` is when the last run was seen completed."""
    caught_up = next(look.at for look in looks if look.at >= ended and not look.behind)
    return Followed(
        runs,
        looks[-1].end - looks[0].end,
        round(runs / took, 1),
        max(look.behind for look in looks),
        round(max(seconds_behind(looks)), 2),
        round(max(0.0, caught_up - ended), 2),
    )


def series(looks: Sequence[Look]) -> list[list[float]]:
    """Return seconds, records behind and seconds behind of each look."""
    return [
        [round(look.at - looks[0].at, 2), look.behind, round(late, 2)]
        for look, late in zip(looks, seconds_behind(list(looks)), strict=True)
    ]


def _rebuild_all(settings: Settings) -> list[Rebuilding]:
    """Fold every view of the journal again, one after another, as ``runfold rebuild`` does."""
    with psycopg.connect(settings.database_url) as connection:
        row = connection.execute("SELECT sum(events)::bigint FROM audit").fetchone()
    assert row is not None
    found = []
    for name, view in VIEWS.items():
        if topics.EVENTS in view.topics:
            found.append(_rebuild(settings, name, int(row[0])))
            print(found[-1], flush=True)
    return found


def _rebuild(settings: Settings, view: str, events: int) -> Rebuilding:
    processes, codec = Processes(settings), Codec(LockRegistry())
    used, began = _cpu(processes), time.perf_counter()
    made = rebuild(view, settings.database_url, ReaderConfig(settings.kafka_config()), codec)
    seconds = time.perf_counter() - began
    cpu = _cpu(processes) - used
    return Rebuilding(
        view,
        events,
        sum(made.rows.values()),
        round(seconds, 2),
        round(events / seconds),
        round(cpu / events * 1e6, 1),
    )


def _cpu(processes: Processes) -> float:
    # The backend has just ended, and counts once the server has seen it.
    time.sleep(0.2)
    return time.process_time() + processes.cpu_seconds_of("postgres")
