"""Which calls were being made when a process died, so that poison work costs itself alone.

Each process notes the calls it makes in a file of its own, in a folder that all share and that
outlives them, and holds a lock on it. A file that nobody holds is that of a dead process: the calls
that are open in it were being made when it died. Whoever finds it takes their counts over. A line
is written by the system even where the process is killed the moment after; only a machine that
loses its power loses lines, and that is no call's fault.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 1.0
_REWRITE_BYTES = 256_000
_MOST_COUNTS = 10_000


class Deaths:
    """Counts, for each call, the processes that died while they made it.

    ``begin`` and ``end`` note a call; ``of`` returns its count, after a look at what other
    processes left behind. All are quick and may be called from any thread.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._open: dict[str, int] = {}
        self._path = folder / f"{uuid4().hex}.calls"
        self._file = _made(self._path)
        self._size = 0
        self._look_at = 0.0

    def __enter__(self) -> Self:
        """Use until the end of the process, or of the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave nothing behind but the counts of calls that still have to come again."""
        with self._lock:
            if not self._counts:
                self._path.unlink(missing_ok=True)
            os.close(self._file)

    def of(self, call: str) -> int:
        """Return how many processes died while they made the call."""
        with self._lock:
            if time.monotonic() >= self._look_at:
                self._look_at = time.monotonic() + _LOOK_EVERY_S
                self._take_over()
            return self._counts.get(call, 0)

    def count(self, call: str) -> int:
        """Note that a child of this process died of the call, and return how many did so far.

        ``forget`` ends the count; it also ends where so many others came after it.
        """
        with self._lock:
            count = self._counts.pop(call, 0) + 1
            self._counts[call] = count
            while len(self._counts) > _MOST_COUNTS:
                self._counts.pop(next(iter(self._counts)))
            self._write(f"={count} {call}\n")
            return count

    def forget(self, call: str) -> None:
        """Note that the call is not made again, or went well."""
        with self._lock:
            if self._counts.pop(call, None) is not None:
                self._write(f"-{call}\n")

    def begin(self, call: str) -> None:
        """Note that the call is being made from now on."""
        with self._lock:
            self._open[call] = self._open.get(call, 0) + 1
            self._write(f"+{call}\n")

    def end(self, call: str) -> None:
        """Note that this process outlived the call, whatever came of it."""
        with self._lock:
            self._open[call] -= 1
            if self._open[call] == 0:
                del self._open[call]
                self._counts.pop(call, None)
            self._write(f"-{call}\n")
            if self._size > _REWRITE_BYTES:
                self._rewrite()

    def _write(self, text: str) -> None:
        data = text.encode()
        try:
            os.write(self._file, data)
        except OSError as error:
            # A full disk must not end calls that would have gone well.
            log.warning("the calls of this process are not noted: %s", error.strerror)
        self._size += len(data)

    def _rewrite(self) -> None:
        """Begin a new file with what still counts; the old one is removed when that is there."""
        path = self._folder / f"{uuid4().hex}.calls"
        file = _made(path)
        old_path, old_file = self._path, self._file
        self._path, self._file, self._size = path, file, 0
        lines = [f"={count} {call}\n" for call, count in self._counts.items()]
        lines += [f"+{call}\n" * times for call, times in self._open.items()]
        self._write("".join(lines))
        old_path.unlink(missing_ok=True)
        os.close(old_file)

    def _take_over(self) -> None:
        for path in self._folder.glob("*.calls"):
            if path == self._path:
                continue
            with contextlib.suppress(OSError), path.open("rb") as left:
                fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Another may have taken it over between the look and the lock.
                if not path.exists():
                    continue
                counts = _counted(left.read())
                for call, count in counts.items():
                    self._counts[call] = max(self._counts.get(call, 0), count)
                self._write("".join(f"={self._counts[call]} {call}\n" for call in counts))
                path.unlink()


def _made(path: Path) -> int:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def _counted(data: bytes) -> dict[str, int]:
    """Return the counts that a dead process leaves: what it had taken over, and its own death."""
    counts: dict[str, int] = {}
    opened: dict[str, int] = {}
    for line in data.decode("utf-8", "replace").splitlines():
        sign, rest = line[:1], line[1:]
        if sign == "=":
            number, _, call = rest.partition(" ")
            counts[call] = int(number) if number.isdecimal() else 1
        elif sign == "+":
            opened[rest] = opened.get(rest, 0) + 1
        elif sign == "-":
            opened[rest] = opened.get(rest, 1) - 1
            if opened[rest] <= 0:
                opened.pop(rest)
                counts.pop(rest, None)
    for call in opened:
        counts[call] = counts.get(call, 0) + 1
    return counts
