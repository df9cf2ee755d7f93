"""What has a bound: the cores of a machine, and a process that does one thing at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from benchmarks.cluster.clock import Action, Clock

Cost = Callable[[], float]
"""Seconds of a core, asked for when the work begins: a batch holds what is there then."""


_SLICE_S = 0.003


class Worker(Protocol):
    """Whatever can be given work."""

    def work(self, cost: Cost, done: Action) -> None:
        """Do it when its turn comes, and say when it is done."""
        ...


class Machine:
    """So many cores, which those who have work share by turns of a slice."""

    def __init__(self, clock: Clock, cores: int) -> None:
        """Stand idle."""
        self.cores = cores
        self.busy_s = 0.0
        self._clock = clock
        self._free = cores
        self._waiting: deque[tuple[Cost, Action]] = deque()

    def work(self, cost: Cost, done: Action) -> None:
        """Do it on the next free core."""
        if not self._free:
            self._waiting.append((cost, done))
            return
        self._free -= 1
        self._turn(cost(), done)

    def _turn(self, left: float, done: Action) -> None:
        slice_s = min(left, _SLICE_S)
        self.busy_s += slice_s

        def end() -> None:
            rest = left - slice_s
            if rest > 0 and self._waiting:
                self._waiting.append((lambda: rest, done))
            elif rest > 0:
                self._turn(rest, done)
                return
            self._next()
            if rest <= 0:
                done()

        self._clock.after(slice_s, end)

    def _next(self) -> None:
        if self._waiting:
            cost, done = self._waiting.popleft()
            self._turn(cost(), done)
        else:
            self._free += 1


class Process:
    """One interpreter: at most one core of its machine, one piece of work after another."""

    def __init__(self, machine: Worker) -> None:
        """Stand idle."""
        self.busy_s = 0.0
        self._machine = machine
        self._busy = False
        self._waiting: deque[tuple[Cost, Action]] = deque()

    def work(self, cost: Cost, done: Action) -> None:
        """Do it after what was asked for before."""
        if self._busy:
            self._waiting.append((cost, done))
            return
        self._busy = True
        self._begin(cost, done)

    def _begin(self, cost: Cost, done: Action) -> None:
        def counted() -> float:
            seconds = cost()
            self.busy_s += seconds
            return seconds

        def end() -> None:
            if self._waiting:
                self._begin(*self._waiting.popleft())
            else:
                self._busy = False
            done()

        self._machine.work(counted, end)
