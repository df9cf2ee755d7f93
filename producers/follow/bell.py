"""Wakes many coroutines of one event loop from a thread, with one call between the two."""

from __future__ import annotations

import asyncio
import threading
import weakref
from contextlib import suppress

_LOCK = threading.Lock()
_BELLS: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Bell] = weakref.WeakKeyDictionary()


class Bell:
    """Gathers who is to be woken: a thousand followers of one run cost one wake-up of the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        # The loop holds its bell, and not the bell the loop.
        self._loop = weakref.ref(loop)
        self._lock = threading.Lock()
        self._rung: set[asyncio.Event] = set()

    def ring(self, sleeper: asyncio.Event) -> None:
        """Have an event of the loop set soon; from any thread, and at once."""
        with self._lock:
            first = not self._rung
            self._rung.add(sleeper)
        if first and (loop := self._loop()) is not None:
            # The loop may have gone with its followers still listening.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        with self._lock:
            rung, self._rung = self._rung, set()
        for sleeper in rung:
            sleeper.set()


def bell_of(loop: asyncio.AbstractEventLoop) -> Bell:
    """Return the one bell of a loop."""
    with _LOCK:
        return _BELLS.setdefault(loop, Bell(loop))
