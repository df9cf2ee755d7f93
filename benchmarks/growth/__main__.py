"""``make bench-growth``: how cost grows with steps, live runs, lanes, and load on the projector.

1. runs of 10, 100 and 1,000 steps: bytes, processor time and latency a step
2. 100 to 10,000 live runs in one lane: memory a run, and how fast they are read back
3. 1 to 8 partitions in one process and in two: runs a second
4. 1 to 300 runs in flight: transactions a run, and what each part spends on it
5. 2,000 runs at once: how far the projector is behind, and how fast each view is rebuilt after

Prints the figures and writes build/growth.json; ``--take`` also draws docs/performance/growth.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from benchmarks.growth import transaction_cost
from benchmarks.growth.following import measure as following
from benchmarks.growth.scripted import ask_for_runs, engine
from benchmarks.performance.growth_page import take
from benchmarks.support.figures import keep, kept
from benchmarks.support.machine import Processes, journal_bytes
from benchmarks.support.stack import running
from benchmarks.support.traffic import Traffic
from runfold.events import topics
from runfold.stack.supervisor.plan import Process

_TOPICS = Process("topics", ("-m", "runfold.stack.prepare"), once=True)
_STUB = ("-m", "benchmarks.support.stub_processor")
_STEPS = (10, 100, 1000)
_AT_ONCE = 8
_LIVE = (100, 1_000, 10_000)
_PARTS = ("steps", "live", "lanes", "transaction_cost", "projector")
_LANES = ((1, 1), (2, 1), (4, 1), (8, 1), (2, 2), (4, 2), (8, 2))


@dataclass(frozen=True, slots=True)
class Long:
    """Runs of one length; ``cpu_us`` is of lanes and broker, all figures are for one step."""

    steps: int
    events: float
    bytes: float
    cpu_us: float
    latency_ms: float


@dataclass(frozen=True, slots=True)
class Live:
    """Runs that wait for a person in one lane: kilobytes and restore time for all of them."""

    runs: int
    memory_kb_a_run: float
    restore_s: float
    records: int


@dataclass(frozen=True, slots=True)
class Lanes:
    """Runs a second of partitions shared by processes on this machine's cores."""

    partitions: int
    processes: int
    runs_per_s: float


def stubs(partitions: int, processes: int, calls: int = 6) -> list[Process]:
    """Return run processors that share the partitions evenly."""
    made = []
    for number in range(processes):
        owned = [str(n) for n in range(partitions) if n % processes == number]
        arguments = (*_STUB, "--calls", str(calls), "--partitions", *owned)
        made.append(Process(f"bench{number}", arguments, announces=True))
    return made


def long_runs(home: Path, steps: int, total: int) -> Long:
    """Return what a step costs in runs of this length; about ``total`` steps are made.

    As many runs are under way at a time, whatever their length: a transaction holds what is ready,
    and large ones cost less an event.
    """
    turns = steps // 2
    with running(home, (_TOPICS, *stubs(4, 1, turns)), 4) as settings:
        traffic = Traffic(settings)
        traffic.publish_definitions()
        traffic.complete_all(_AT_ONCE)
        processes = Processes(settings)
        before, held = processes.cpu_seconds(), journal_bytes(settings.home)
        times = max(1, total // steps // _AT_ONCE)
        for _ in range(times):
            traffic.complete_all(_AT_ONCE)
        runs = times * _AT_ONCE
        after, grown = processes.cpu_seconds(), journal_bytes(settings.home) - held
        cpu = sum(after[name] - before[name] for name in ("kafka", "bench0"))
        alone = traffic.run_one_by_one(1)
        return Long(
            steps,
            round(alone.events_per_run / steps, 2),
            round(grown / runs / steps, 1),
            round(cpu / runs / steps * 1e6, 1),
            round(alone.runs_ms[0] / steps, 2),
        )


def live_runs(count: int) -> Live:
    """Return what so many waiting runs hold in memory, and how long their restore takes."""
    lane = engine(1, asks=True)
    ask_for_runs(lane, count)
    lane.settle()
    records = len(lane.entries(topics.EVENTS))
    began = time.process_time()
    lane.restart()
    seconds = time.process_time() - began
    tracemalloc.start()
    lane.restart()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(lane.partition_state.live) == count
    return Live(count, round(held / count / 1024, 1), round(seconds, 3), records)


def lanes(home: Path, partitions: int, processes: int, runs: int) -> Lanes:
    """Return the runs a second of so many partitions and processes."""
    with running(home, (_TOPICS, *stubs(partitions, processes)), partitions) as settings:
        traffic = Traffic(settings)
        traffic.publish_definitions()
        traffic.complete_all(runs)
        best = min(traffic.complete_all(runs) for _ in range(2))
        return Lanes(partitions, processes, round(runs / best, 1))


def step_figures(total: int) -> list[dict[str, float]]:
    """Return the figures of each length."""
    found = []
    for length in _STEPS:
        with _home() as folder:
            found.append(asdict(long_runs(Path(folder), length, total)))
        print(found[-1], flush=True)
    return found


def lane_figures(runs: int) -> list[dict[str, float]]:
    """Return the figures of each number of partitions and processes."""
    found = []
    for partitions, processes in _LANES:
        with _home() as folder:
            found.append(asdict(lanes(Path(folder), partitions, processes, runs)))
        print(found[-1], flush=True)
    return found


def live_figures(most: int) -> list[dict[str, float]]:
    """Return the figures of each number of live runs."""
    found = []
    for count in (each for each in _LIVE if each <= most):
        found.append(asdict(live_runs(count)))
        print(found[-1], flush=True)
    return found


def _home() -> tempfile.TemporaryDirectory[str]:
    made = tempfile.TemporaryDirectory(prefix="runfold-bench-")
    Path(made.name).chmod(0o755)
    return made


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; 0 when it was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=6_000, help="steps in all, at each length")
    parser.add_argument("--live", type=int, default=10_000, help="live runs at most")
    parser.add_argument("--runs", type=int, default=300, help="runs at once, for lanes")
    parser.add_argument("--load", type=int, default=2_000, help="runs at once, for the projector")
    parser.add_argument("--seconds", type=float, default=10, help="each number of runs in flight")
    parser.add_argument("--parts", nargs="*", default=[*_PARTS])
    parser.add_argument("--take", action="store_true", help="write the page from the figures")
    chosen = parser.parse_args(arguments)
    # What is not measured this time stays as it was.
    figures = {**kept("growth"), "cores": psutil.cpu_count()}
    if "steps" in chosen.parts:
        figures["steps"] = step_figures(chosen.steps)
    if "live" in chosen.parts:
        figures["live"] = live_figures(chosen.live)
    if "lanes" in chosen.parts:
        figures["lanes"] = lane_figures(chosen.runs)
    if "transaction_cost" in chosen.parts:
        with _home() as folder:
            figures |= transaction_cost.measure(Path(folder), chosen.seconds)
    if "projector" in chosen.parts:
        with _home() as folder:
            figures |= following(Path(folder), chosen.load)
    print(f"written to {keep('growth', figures)}")
    if chosen.take:
        take("growth")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
