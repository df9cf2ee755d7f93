"""What a call may change in its process: put back after it, or the process is done with.

Put back: folder, environment, umask, signal handlers and mask, timers, locale, the standard
streams and where they lead. What cannot be put back costs the process: child processes that are
left, limits and users that were changed, memory and open files that grew.
"""

from __future__ import annotations

import contextlib
import decimal
import locale
import os
import resource
import signal
import sys
from typing import Any

from runfold.processors.tool.children.inside.confine import address_space

_LIMITS = (
    resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_DATA, resource.RLIMIT_FSIZE,
    resource.RLIMIT_NOFILE, resource.RLIMIT_STACK,
)  # fmt: skip
# Those that a program handles or ignores on purpose; to look at all of them takes longer than
# to make a small call.
_SIGNALS = (
    signal.SIGHUP, signal.SIGINT, signal.SIGPIPE, signal.SIGALRM, signal.SIGTERM, signal.SIGCHLD,
    signal.SIGUSR1, signal.SIGUSR2,
)  # fmt: skip
_MORE_FILES = 64
_MEMORY_EVERY = 20


class Restoring:
    """The process as it is now; ``restored`` makes it so again."""

    def __init__(self, memory_bytes: int) -> None:
        self._folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._env = os.environ.copy()
        self._encoded = _encoded().copy()
        self._umask = _umask()
        self._handlers = {number: signal.getsignal(number) for number in _SIGNALS}
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        self._locale = locale.setlocale(locale.LC_ALL)
        self._streams = (sys.stdin, sys.stdout, sys.stderr)
        self._ends = tuple(os.dup(number) for number in range(3))
        self._fixed = _fixed()
        self._first_free = _first_free()
        self._most_space = address_space() + memory_bytes // 2
        self._decimals = decimal.getcontext().copy()
        self._calls = 0

    def begin(self) -> None:
        """Give what runs in the present context a number arithmetic of its own."""
        # A context variable holds it, but a tool changes the object, not the variable.
        decimal.setcontext(self._decimals.copy())

    def restored(self) -> bool:
        """Put back what a call changed; False where the process must serve no other."""
        try:
            self._put_back()
        except Exception:  # noqa: BLE001 - whatever a tool left is no reason to serve on
            return False
        self._calls += 1
        if self._calls % _MEMORY_EVERY == 1 and address_space() > self._most_space:
            return False
        free = _first_free()
        return free < self._first_free + _MORE_FILES and _fixed() == self._fixed and not _children()

    def _put_back(self) -> None:
        sys.stdin, sys.stdout, sys.stderr = self._streams
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        for number, end in enumerate(self._ends):
            os.dup2(end, number)
        os.fchdir(self._folder)
        if _encoded() != self._encoded:
            for name in set(os.environ) - set(self._env):
                del os.environ[name]
            os.environ.update(self._env)
        os.umask(self._umask)
        for number, handler in self._handlers.items():
            if handler is not None and signal.getsignal(number) != handler:
                signal.signal(number, handler)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        if locale.setlocale(locale.LC_ALL) != self._locale:
            locale.setlocale(locale.LC_ALL, self._locale)
        sys.settrace(None)
        sys.setprofile(None)


def _encoded() -> dict[Any, Any]:
    """Return the environment as Python keeps it: to decode it each time costs more than a call."""
    held: dict[Any, Any] = os.environ._data  # type: ignore[attr-defined]  # noqa: SLF001
    return held


def _umask() -> int:
    held = os.umask(0o077)
    os.umask(held)
    return held


def _fixed() -> Any:
    return (os.getuid(), os.geteuid(), os.getgid(), *map(resource.getrlimit, _LIMITS))


def _first_free() -> int:
    number = os.dup(0)
    os.close(number)
    return number


def _children() -> bool:
    """Return whether a call left processes; those that have ended are nobody's any more."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True
