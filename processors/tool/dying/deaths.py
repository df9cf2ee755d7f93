"""How many processes ended while they made a call, so that poison work costs itself alone.

Two things are kept in a folder that all processes of a machine share and that outlives them:

- For each call of which processes died, a file with one byte for each death. To add one is a
  single write, so the count is the same for whoever asks, and holds across kills.
- For each process, a file with the calls that it is making, on which it holds a lock. A file that
  nobody holds is that of a dead process: the calls that are open in it were being made when it
  died. Whoever finds it adds a death to each, before any further call begins.

A line is written by the system even where the process is killed the moment after; only a machine
that loses its power loses lines, and that is no call's fault.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

log = logging.getLogger(__name__)

_REWRITE_BYTES = 256_000
_KEPT_S = 7 * 86400.0


class Deaths:
    """Counts, for each call, the processes that died while they made it.

    ``begin`` and ``end`` note a call; ``of`` returns counts, after a look at what other processes
    left behind. All are quick and may be called from any thread.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._died = folder / "died"
        self._died.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._open: dict[str, int] = {}
        self._path = folder / f"{uuid4().hex}.calls"
        self._file = _made(self._path)
        self._size = 0
        self._prune()

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
            self._path.unlink(missing_ok=True)
            os.close(self._file)

    def of(self, *calls: str) -> int:
        """Return how many processes died while they made the calls."""
        with self._lock:
            self._take_over()
            return sum(map(self._count, calls))

    def count(self, call: str) -> int:
        """Note that a child of this process died of the call; return how many died of it so far.

        ``forget`` ends the count, and so do ``_KEPT_S`` seconds without a death.
        """
        with self._lock:
            self._add(call)
            return self._count(call)

    def forget(self, call: str) -> None:
        """Note that the call is not made again, or went well."""
        with contextlib.suppress(OSError):
            self._place(call).unlink(missing_ok=True)

    def begin(self, call: str) -> None:
        """Note that the call is being made from now on."""
        with self._lock:
            self._open[call] = self._open.get(call, 0) + 1
            self._write(f"+{call}\n")

    def end(self, call: str) -> None:
        """Note that this process outlived the call, or gave it up; its count stays."""
        with self._lock:
            self._open[call] -= 1
            if self._open[call] == 0:
                del self._open[call]
            self._write(f"-{call}\n")
            if self._size > _REWRITE_BYTES:
                self._rewrite()

    def _place(self, call: str) -> Path:
        return self._died / hashlib.sha256(call.encode("utf-8", "replace")).hexdigest()[:40]

    def _count(self, call: str) -> int:
        try:
            return self._place(call).stat().st_size
        except OSError:
            return 0

    def _add(self, call: str) -> None:
        try:
            with self._place(call).open("ab", buffering=0) as file:
                file.write(b"x")
        except OSError as error:
            # A full disk must not end calls that would have gone well.
            log.warning("the death of a process is not noted: %s", error.strerror)

    def _prune(self) -> None:
        """Remove the counts of calls that never came again."""
        before = time.time() - _KEPT_S
        for place in self._died.iterdir():
            with contextlib.suppress(OSError):
                if place.stat().st_mtime < before:
                    place.unlink()

    def _write(self, text: str) -> None:
        data = text.encode()
        try:
            os.write(self._file, data)
        except OSError as error:
            log.warning("the calls of this process are not noted: %s", error.strerror)
        self._size += len(data)

    def _rewrite(self) -> None:
        """Begin a new file with what still counts; the old one is removed when that is there."""
        path = self._folder / f"{uuid4().hex}.calls"
        file = _made(path)
        old_path, old_file = self._path, self._file
        self._path, self._file, self._size = path, file, 0
        self._write("".join(f"+{call}\n" * times for call, times in self._open.items()))
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
                for call in _open_in(left.read()):
                    self._add(call)
                path.unlink()


def _made(path: Path) -> int:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def _open_in(data: bytes) -> set[str]:
    """Return the calls that a dead process was making."""
    opened: dict[str, int] = {}
    for line in data.decode("utf-8", "replace").splitlines():
        sign, call = line[:1], line[1:]
        if sign == "+":
            opened[call] = opened.get(call, 0) + 1
        elif sign == "-":
            opened[call] = opened.get(call, 0) - 1
    return {call for call, times in opened.items() if times > 0}
