"""What a transaction costs beside what is in it: fewer runs in flight share one, and it costs more.

So many runs are kept open for so long, on real servers with a projector; each part's processor
time a run is set against the transactions a run took. A straight line through that is what the
page on growth shows.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.support.lag import Lag
from benchmarks.support.machine import Processes
from benchmarks.support.stack import running
from benchmarks.support.steady import Asker, Open, following, keep_open
from benchmarks.support.traffic import Traffic
from runfold.stack.settings import Settings

PARTITIONS = 4
PARTS = ("lanes", "broker", "projector", "postgres")

# The most first, so that everything is warm where single runs are measured.
_IN_FLIGHT = (300, 50, 8, 1)
_MEMBERS = dict(zip(PARTS, ("bench", "kafka", "projector", "postgres"), strict=True))
_WARM = 300
_PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class InFlight:
    """So many runs in flight: transactions a run, and milliseconds of each part a run."""

    in_flight: int
    runs: int
    runs_per_s: float
    events: int
    transactions: float
    lanes: float
    broker: float
    projector: float
    postgres: float


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds of one part: of a run whatever it shares, and of each transaction."""

    run: float
    transaction: float


def measure(home: Path, seconds: float) -> dict[str, Any]:
    """Return the figure ``transaction_cost``: one row for each number of runs in flight."""
    with running(home, partitions=PARTITIONS) as settings:
        traffic = Traffic(settings)
        traffic.publish_definitions()
        traffic.run_all(_WARM)
        events = traffic.run_one_by_one(1).events_per_run
        traffic.close()
        found = []
        for at_once in _IN_FLIGHT:
            found.append(asdict(_measured(settings, at_once, seconds, events)))
            print(found[-1], flush=True)
        return {"transaction_cost": found[::-1]}


def _measured(settings: Settings, at_once: int, seconds: float, events: int) -> InFlight:
    runs = Open()
    asker, processes, lag = Asker(settings, runs), Processes(settings), Lag(settings)
    lag.wait(_PATIENCE_S)
    with following(settings, runs):
        before, end = processes.cpu_seconds(), lag.look().end
        began = time.monotonic()
        keep_open(asker, runs, at_once, seconds)
        _until_ended(runs)
        took = time.monotonic() - began
        lag.wait(_PATIENCE_S)
        after, records = processes.cpu_seconds(), lag.look().end - end
    lag.close()
    # Beside the events the journal holds one mark a transaction.
    marks = records - runs.completed * events
    used = {
        part: round((after[name] - before[name]) / runs.completed * 1000, 3)
        for part, name in _MEMBERS.items()
    }
    return InFlight(
        at_once,
        runs.completed,
        round(runs.completed / took, 1),
        events,
        round(marks / runs.completed, 2),
        **used,
    )


def _until_ended(runs: Open) -> None:
    until = time.monotonic() + _PATIENCE_S
    while runs.count:
        if time.monotonic() > until:
            raise TimeoutError(f"{runs.count} runs did not end in time")
        time.sleep(0.005)


def costs(figures: Sequence[Mapping[str, float]]) -> dict[str, Cost]:
    """Return the line through each part's time over transactions a run; no part gains by them."""
    shared = [each["transactions"] for each in figures]
    found = {}
    for part in PARTS:
        spent = [each[part] for each in figures]
        line = statistics.linear_regression(shared, spent)
        slope = max(0.0, line.slope)
        run = statistics.fmean(spent) - slope * statistics.fmean(shared)
        found[part] = Cost(max(0.0, run), slope)
    return found
