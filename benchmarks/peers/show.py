"""The most telling columns as a person reads them at the end of a session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.performance.chart import number

_COLUMNS = {
    "few_runs_per_s": "runs/s",
    "many_runs_per_s": "runs/s, many",
    "single_step_p50_ms": "step p50 ms",
    "single_step_p99_ms": "step p99 ms",
    "few_cpu_ms_per_run": "CPU ms/run",
    "few_bytes_per_run_record": "bytes/run, record",
    "few_bytes_per_run": "bytes/run, all",
    "few_memory_mb": "MB",
    "crash_to_done_s": "kill -9 to done, s",
    "crash_effects_repeated": "effects repeated",
    "crash_effects_lost": "lost",
}


_WIDTH = 190


def show(rows: Sequence[dict[str, Any]]) -> None:
    """Print a line a system, or why it was not measured."""
    table = Table("", *_COLUMNS.values(), title="medians; all columns are in build/peers.json")
    for row in rows:
        figures = [number(row[column]) if column in row else "-" for column in _COLUMNS]
        table.add_row(row["title"], *figures)
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    console.print(table)
    for row in rows:
        if "not_measured" in row:
            console.print(f"{row['title']}: not measured: {row['not_measured']}")
