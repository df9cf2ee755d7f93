"""Logs that grow while their process writes: put aside and begun again in place.

Whoever writes has the file open to append, and goes on at its new end. Lines that are written
between the copy and the cut are lost: it is the log of a process, not a record of anything.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

MOST_BYTES = 16_000_000

_KAFKAS = "kafka.log"
"""The log that its own writer puts aside."""


def rotate(logs: Path, most: int = MOST_BYTES) -> None:
    """Put aside every log of a folder that is too long; one that cannot be goes on growing."""
    with suppress(OSError):
        for log in logs.glob("*.log"):
            if log.name != _KAFKAS and log.stat().st_size > most:
                _put_aside(log)


def _put_aside(log: Path) -> None:
    new = log.with_suffix(".log.new")
    try:
        shutil.copyfile(log, new)
        with log.open("r+b") as file:
            file.truncate()
        new.replace(log.with_suffix(".log.1"))
    finally:
        new.unlink(missing_ok=True)
