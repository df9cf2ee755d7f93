"""The machine that was measured on, as far as it tells about the figures."""

from __future__ import annotations

import os
import platform
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

_APPENDS = 200


def describe_host() -> dict[str, Any]:
    """Return processor, memory, kernel, Python, how busy it is, and what a synced append costs."""
    busy = psutil.cpu_percent(1.0)
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "busy_percent_before": busy,
        "fsync_4k_p50_ms": fsync_ms(),
    }


def fsync_ms() -> float:
    """Return the median of appending 4 KiB and waiting for the disk, where the homes will be."""
    took = []
    with tempfile.TemporaryFile() as file:
        for _ in range(_APPENDS):
            began = time.perf_counter()
            os.write(file.fileno(), b"x" * 4096)
            os.fsync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    return round(statistics.median(took), 3)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
