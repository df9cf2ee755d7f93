"""How much memory the processes of the stack take."""

from __future__ import annotations

from contextlib import suppress

import psutil


def memory_bytes(pid: int) -> int:
    """Return the memory of a process and its descendants in bytes, shared pages counted once.

    0 where the process is gone.
    """
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        return sum(_own(each) for each in (process, *process.children(recursive=True)))
    return 0


def _own(process: psutil.Process) -> int:
    with suppress(psutil.AccessDenied):
        full = process.memory_full_info()
        return int(getattr(full, "pss", full.rss))
    return int(process.memory_info().rss)
