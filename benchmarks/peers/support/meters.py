"""What processes and files use: processor time, memory, bytes on disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg


def cpu_seconds(pids: Mapping[str, Iterable[int]]) -> dict[str, float]:
    """Return the processor time by part: its processes, their children, and those that ended."""
    return {part: sum(map(_cpu, _families(roots))) for part, roots in pids.items()}


def memory_mb(pids: Mapping[str, Iterable[int]]) -> dict[str, int]:
    """Return the memory by part in MB, pages that processes share counted once (PSS)."""
    return {part: round(sum(map(_pss, _families(roots))) / 1e6) for part, roots in pids.items()}


def files_bytes(folder: Path, pattern: str) -> int:
    """Return what the files of a folder hold; room set aside but not written does not count."""
    total = 0
    for file in folder.glob(pattern):
        with suppress(FileNotFoundError):
            found = file.stat()
            total += min(found.st_size, found.st_blocks * 512) if file.is_file() else 0
    return total


def database_bytes(url: str) -> int:
    """Return the size of a database's tables and indexes, after a checkpoint."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    return int(row[0]) if row else 0


def _families(roots: Iterable[int]) -> list[psutil.Process]:
    found = []
    for pid in roots:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            found += [process, *process.children(recursive=True)]
    return found


def _cpu(process: psutil.Process) -> float:
    with suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        own = times.user + times.system
        return float(own + times.children_user + times.children_system)
    return 0.0


def _pss(process: psutil.Process) -> int:
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return int(process.memory_full_info().pss)
    return 0
