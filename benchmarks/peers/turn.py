"""One system's turn in one round: brought up, warmed, measured case by case, killed, taken down."""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from benchmarks.peers.agent.work import TOOL_CALLS
from benchmarks.peers.contract import Done, Place, System
from benchmarks.peers.errors import NotMeasuredError
from benchmarks.peers.ledger import Ledger, gaps_ms, tally
from benchmarks.peers.profile import PLAIN, Bulk, Profile, Single
from benchmarks.peers.support import meters

Figures = dict[str, float]

_KILL_PATIENCE_S = 120.0


def take(system: System, profile: Profile, tell: Callable[[str], None]) -> Figures:
    """Return the figures of one turn by column; raises NotMeasuredError."""
    figures: Figures = {}
    with place() as where:
        try:
            system.start(where)
            system.run(profile.warm_runs, profile.warm_runs, PLAIN)
            for single in profile.singles:
                tell(f"{single.runs} single runs, {single.column}")
                figures |= _single(system, where.ledger, single)
            for bulk in profile.bulks:
                tell(f"{bulk.runs} runs, {bulk.at_once} in flight, {bulk.column}")
                figures |= _bulk(system, where.ledger, bulk)
            tell(f"kill -9 at half of {profile.crash_runs} runs")
            figures |= _crash(system, where.ledger, profile.crash_runs)
        finally:
            system.stop()
    return figures


@contextmanager
def place() -> Iterator[Place]:
    """Make an empty place that every user may enter, and remove it."""
    with tempfile.TemporaryDirectory(prefix="runfold-peers-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        home.chmod(0o755)
        yield Place(home, Ledger(home / "ledger.txt"))


def _single(system: System, ledger: Ledger, case: Single) -> Figures:
    done = system.run(case.runs, 1, case.load)
    steps = gaps_ms(ledger.calls(done.run_ids))
    runs = [seconds * 1000 for seconds in done.each]
    return {
        f"{case.column}_run_p50_ms": _percentile(runs, 50),
        f"{case.column}_run_p99_ms": _percentile(runs, 99),
        f"{case.column}_step_p50_ms": _percentile(steps, 50),
        f"{case.column}_step_p99_ms": _percentile(steps, 99),
    }


def _bulk(system: System, ledger: Ledger, case: Bulk) -> Figures:
    rest = system.bytes_at_rest()
    cpu = meters.cpu_seconds(system.pids())
    done = system.run(case.runs, case.at_once, case.load)
    used = meters.cpu_seconds(system.pids())
    memory = meters.memory_mb(system.pids())
    grown = system.bytes_at_rest()
    _must_be_whole(ledger, done)
    spent = {part: (seconds - cpu[part]) * 1000 / case.runs for part, seconds in used.items()}
    kept = {part: (size - rest[part]) / case.runs for part, size in grown.items()}
    figures = {
        "runs": case.runs,
        "at_once": case.at_once,
        "runs_per_s": case.runs / done.seconds,
        **_by_part("cpu_ms_per_run", spent),
        **_by_part("memory_mb", memory),
        **_by_part("bytes_per_run", kept),
    }
    return {f"{case.column}_{name}": value for name, value in figures.items()}


def _by_part(name: str, parts: Mapping[str, float]) -> Figures:
    """Return the sum, the sums by the first words of the parts, and the parts."""
    kinds: dict[str, float] = defaultdict(float)
    for part, value in parts.items():
        kinds[part.split(" ")[0]] += value
    together = {f"{name}_{kind}": value for kind, value in kinds.items()}
    each = {f"{name}_{part.replace(' ', '_')}": value for part, value in parts.items()}
    return {name: sum(parts.values()), **each, **together}


def _crash(system: System, ledger: Ledger, runs: int) -> Figures:
    """Kill the workers when half of the effects were had, and let them go on."""
    ledger.skip()
    ended: list[Done | BaseException] = []

    def run() -> None:
        try:
            ended.append(system.run(runs, runs, PLAIN))
        except BaseException as error:  # noqa: BLE001 - raised by who waits
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    until = time.monotonic() + _KILL_PATIENCE_S
    while ledger.effects() * 2 < runs * TOOL_CALLS and thread.is_alive():
        if time.monotonic() > until:
            break
        time.sleep(0.002)
    killed = time.perf_counter()
    system.kill_workers()
    # Processes are started by the main thread: they must not end with another one.
    system.start_workers()
    down = time.perf_counter() - killed
    thread.join()
    seconds = time.perf_counter() - killed
    done = ended[0]
    if isinstance(done, BaseException):
        raise NotMeasuredError(f"after the kill: {done}") from done
    counted = asdict(tally(ledger.calls(done.run_ids), runs))
    names = {f"crash_{name}": float(count) for name, count in counted.items()}
    return {"crash_runs": float(runs), "crash_to_done_s": seconds, "crash_down_s": down, **names}


def _must_be_whole(ledger: Ledger, done: Done) -> None:
    """Raise NotMeasuredError unless every call of every run was made once: else no run is a run."""
    counted = tally(ledger.calls(done.run_ids), len(done.run_ids))
    if counted.effects_lost or counted.effects_repeated:
        raise NotMeasuredError(f"without any fault: {counted}")


def _percentile(values: list[float], percent: int) -> float:
    if len(values) < 2:
        return values[0] if values else 0.0
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
