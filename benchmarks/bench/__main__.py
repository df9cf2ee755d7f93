"""``make bench``: runs a second, step latency, bytes, processor time and memory, as one user sees.

Prints the figures and writes build/bench.json. Absolute numbers belong to the machine; compare
ratios within one run.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.bench.report import show
from benchmarks.bench.restoring import restore_rate
from benchmarks.support.machine import Processes, journal_bytes
from benchmarks.support.stack import running
from benchmarks.support.traffic import Traffic
from benchmarks.support.workload import STEPS
from runfold.stack.settings import Settings


def measure(settings: Settings, runs: int, single: int) -> dict[str, object]:
    """Return the figures of one benchmark."""
    traffic = Traffic(settings)
    traffic.publish_definitions()
    # What has just started runs cold code; a service that is up does not.
    traffic.run_all(runs)
    one_by_one = traffic.run_one_by_one(single)
    processes = Processes(settings)
    before, held = processes.cpu_seconds(), journal_bytes(settings.home)
    bulk = traffic.run_all(runs)
    after, grown = processes.cpu_seconds(), journal_bytes(settings.home) - held
    cpu = {name: round((after[name] - before[name]) / runs * 1000, 2) for name in after}
    return {
        "runs": runs,
        "runs_per_s": round(runs / bulk.completed_s, 1),
        "runs_per_s_projected": round(runs / bulk.projected_s, 1),
        "steps_per_s": round(runs * STEPS / bulk.completed_s),
        "single_run_p50_ms": one_by_one.run_ms(50),
        "single_run_p99_ms": one_by_one.run_ms(99),
        "step_p50_ms": one_by_one.step_ms(50),
        "step_p99_ms": one_by_one.step_ms(99),
        "events_per_run": one_by_one.events_per_run,
        "bytes_per_run": round(grown / runs),
        "cpu_ms_per_run": round(sum(cpu.values()), 2),
        "cpu_ms_per_run_by_process": cpu,
        "rss_mb": processes.rss_mb(),
        "restore": restore_rate(settings),
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
    }


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; 0 when it was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300, help="runs at once")
    parser.add_argument("--single", type=int, default=50, help="runs one after another")
    parser.add_argument("--repeat", type=int, default=1, help="measure so many times")
    chosen = parser.parse_args(arguments)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="runfold-bench-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        with running(home) as settings:
            rounds = [measure(settings, chosen.runs, chosen.single) for _ in range(chosen.repeat)]
    best = sorted(rounds, key=lambda figures: str(figures["runs_per_s_projected"]))[
        len(rounds) // 2
    ]
    target = Path("build/bench.json")
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(best | {"rounds": len(rounds)}, indent=2) + "\n")
    show(best, time.monotonic() - began)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
