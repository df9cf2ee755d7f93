"""``python -m benchmarks.performance.capacity``: machines for so many runs a day, on paper.

Reads what ``make bench`` measured on this machine (build/bench.json) and writes
docs/performance/capacity.md between its marks. Nothing of the table is typed in.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_PAGE = _ROOT / "docs" / "performance" / "capacity.md"
_MEASURED = _ROOT / "build" / "bench.json"
_TAKEN = _ROOT / "docs" / "performance" / "capacity.json"
_BEGIN, _END = "<!-- generated, do not edit -->", "<!-- end -->"

RUNS_A_DAY = (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 864_000_000)
"""The last is 10,000 runs a second, day and night."""

PEAK = 3.0
"""The busiest hour against the mean."""

FULL = 0.6
"""How busy a core may be at the peak, so that queues stay short and one machine may fail."""

REPLICAS = 3
"""Copies of every record among the brokers."""

CORES_A_MACHINE = 8

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Constants:
    """What a run costs, as measured: milliseconds of processor time by part, and bytes."""

    lanes_ms: float
    projector_ms: float
    kafka_ms: float
    postgres_ms: float
    journal_bytes: float


@dataclass(frozen=True, slots=True)
class Size:
    """What a load needs: busy cores at the peak by part, machines, and bytes a year."""

    runs_a_day: int
    peak_per_s: float
    lanes_cores: float
    projector_cores: float
    kafka_cores: float
    postgres_cores: float
    partitions: int
    journal_tb_a_year: float

    @property
    def machines(self) -> int:
        """Machines for all parts together; three at least where brokers keep three copies."""
        cores = self.lanes_cores + self.projector_cores + self.kafka_cores + self.postgres_cores
        wanted = math.ceil(cores / CORES_A_MACHINE)
        return wanted if wanted <= 1 else max(REPLICAS, wanted)


def constants(measured: Mapping[str, object]) -> Constants:
    """Return the constants of one measurement; raises KeyError where it lacks one."""
    cpu = measured["cpu_ms_per_run_by_process"]
    assert isinstance(cpu, Mapping)
    return Constants(
        lanes_ms=float(cpu["bench"]),
        projector_ms=float(cpu["projector"]),
        kafka_ms=float(cpu["kafka"]),
        postgres_ms=float(cpu["postgres"]),
        journal_bytes=float(str(measured["bytes_per_run"])),
    )


def size(runs_a_day: int, of: Constants) -> Size:
    """Return what a load needs.

    Brokers do their work once for each copy. A process of lanes, and a projector, takes one core
    at most, so each such process needs a partition of its own; there are twice as many, for growth.
    """
    peak = runs_a_day / DAY_S * PEAK

    def cores(milliseconds: float) -> float:
        return peak * milliseconds / 1000 / FULL

    # One machine keeps one copy.
    all_ms = of.lanes_ms + of.projector_ms + of.kafka_ms + of.postgres_ms
    copies = 1 if cores(all_ms) < CORES_A_MACHINE else REPLICAS
    processes = math.ceil(max(cores(of.lanes_ms), cores(of.projector_ms), 1))
    return Size(
        runs_a_day,
        peak,
        cores(of.lanes_ms),
        cores(of.projector_ms),
        cores(of.kafka_ms) * copies,
        cores(of.postgres_ms),
        max(4, 2 ** math.ceil(math.log2(2 * processes))),
        runs_a_day * 365 * of.journal_bytes * REPLICAS / 1e12,
    )


def table(of: Constants) -> str:
    """Return the table of sizes with the constants it was made from."""
    head = (
        "runs a day",
        "runs/s at the peak",
        "lanes",
        "projectors",
        "brokers",
        "Postgres",
        "partitions",
        f"machines of {CORES_A_MACHINE} cores",
        f"journal a year, {REPLICAS} copies",
    )
    measured = (
        f"Measured for a run of 11 steps: lanes {of.lanes_ms} ms, projector {of.projector_ms} ms,"
        f" broker {of.kafka_ms} ms, Postgres {of.postgres_ms} ms of processor time;"
        f" {of.journal_bytes:,.0f} bytes of journal."
    )
    lines = [measured, "", f"| {' | '.join(head)} |", "|---:" * len(head) + "|"]
    for runs in RUNS_A_DAY:
        need = size(runs, of)
        cores = " | ".join(
            f"{each:,.2f}" if each < 10 else f"{each:,.0f}"
            for each in (
                need.lanes_cores,
                need.projector_cores,
                need.kafka_cores,
                need.postgres_cores,
            )
        )
        lines.append(
            f"| {runs:,} | {need.peak_per_s:,.1f} | {cores} | {need.partitions:,}"
            f" | {need.machines:,} | {need.journal_tb_a_year:,.2f} TB |"
        )
    return "\n".join(lines)


def generated() -> dict[Path, str]:
    """Return what the page must be, by its place; raises ValueError."""
    before, _, rest = _PAGE.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    of = constants(json.loads(_TAKEN.read_text()))
    return {_PAGE: f"{before}{_BEGIN}\n\n{table(of)}\n\n{_END}{after}"}


def main(arguments: Sequence[str]) -> int:
    """Write the page; with ``--check`` return 1 if it does not say what the figures say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--take", action="store_true", help="copy build/bench.json first")
    parser.add_argument("--check", action="store_true", help="write nothing")
    chosen = parser.parse_args(arguments)
    if chosen.take:
        _TAKEN.write_text(_MEASURED.read_text())
    made = generated()
    if chosen.check:
        return int(
            any(not file.exists() or file.read_text() != said for file, said in made.items())
        )
    for file, said in made.items():
        file.write_text(said)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
