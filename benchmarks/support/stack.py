"""An embedded stack of a benchmark's own, with stubs for model and tools."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from runfold.stack import control
from runfold.stack.settings import Settings
from runfold.stack.supervisor.plan import Process

PROCESSES = (
    Process("topics", ("-m", "runfold.stack.prepare"), once=True),
    Process("bench", ("-m", "benchmarks.support.stub_processor"), announces=True),
    Process("projector", ("-m", "runfold.projections")),
)


@contextmanager
def running(
    home: Path, processes: Sequence[Process] = PROCESSES, partitions: int | None = None
) -> Iterator[Settings]:
    """Bring up an embedded stack of the benchmark's own, and take it down again."""
    settings = replace(Settings.from_env({}), home=home)
    if partitions is not None:
        settings = replace(settings, partitions=partitions)
    up = control.up(settings, processes, tied=True, report=lambda text: print(f"  {text}"))
    try:
        yield up.settings
    finally:
        control.down(settings)
