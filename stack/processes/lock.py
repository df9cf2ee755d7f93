"""One owner a home."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def take(file: Path) -> int | None:
    """Take the lock and return its descriptor, or None where someone has it.

    The kernel gives it back when the last process that holds the descriptor is gone.
    """
    held = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        return None
    return held


def is_taken(file: Path) -> bool:
    """Return whether some process has the lock now."""
    held = take(file) if file.exists() else None
    if held is not None:
        os.close(held)
        return False
    return file.exists()
