"""A lane and a projector, as the engine has them: whatever waits goes into the next batch."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.cluster.clock import Clock
from benchmarks.cluster.machine import Process, Worker
from benchmarks.sharing import Cost

DECISIONS = 12
"""Of a run of 11 steps: its request, and each step's result."""

_MOST_DECISIONS = 500
_MOST_EVENTS = 1500

Stretch = list[tuple[float, int]]
"""Transactions: when each was committed, and its decisions."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What one machine measured: milliseconds a run and a transaction by part.

    ``alone_ms`` is what a decision takes with the machine to itself, ``events`` are those of a run,
    ``fewest`` the transactions that a run took where most of them were shared.
    """

    lanes: Cost
    broker: Cost
    projector: Cost
    postgres: Cost
    alone_ms: float
    events: int
    fewest: float

    def full(self, cost: Cost) -> float:
        """Return the milliseconds of a run where as much is shared as was measured."""
        return cost.run + self.fewest * cost.transaction

    @property
    def commit_wait_s(self) -> float:
        """Seconds in which a lone decision waits and no core works for it."""
        lanes, broker = (a.run / DECISIONS + a.transaction for a in (self.lanes, self.broker))
        return max(0.0, self.alone_ms - lanes - broker) / 1000


@dataclass(slots=True)
class Run:
    """One run on its lane; ``left`` are decisions that are still to be made."""

    began: float
    left: int = DECISIONS


class Projector:
    """Writes the events of its partitions, a stretch at a time, into its database.

    While one stretch is written it folds the next, and no further.
    """

    def __init__(self, clock: Clock, process: Process, database: Worker, costs: Costs) -> None:
        """Wait for events."""
        self.lags: list[float] = []
        self._clock, self._process, self._database = clock, process, database
        self._costs = costs
        self._waiting: deque[tuple[float, int]] = deque()
        self._folded: Stretch = []
        self._written: Stretch = []
        self._folds = False

    def take(self, decisions: int) -> None:
        """Hear of one committed transaction."""
        self._waiting.append((self._clock.now, decisions))
        self._go_on()

    def _go_on(self) -> None:
        if self._folded and not self._folds and not self._written:
            self._written, self._folded = self._folded, []
            self._database.work(lambda: self._spent(self._costs.postgres, self._written), self._end)
        if self._waiting and not self._folds and not self._folded:
            self._folds = True
            self._process.work(self._fold, self._hand_on)

    def _fold(self) -> float:
        most = _MOST_EVENTS * DECISIONS / self._costs.events
        taken = 0
        while self._waiting and (not taken or taken + self._waiting[0][1] <= most):
            self._folded.append(self._waiting.popleft())
            taken += self._folded[-1][1]
        return self._spent(self._costs.projector, self._folded)

    def _hand_on(self) -> None:
        self._folds = False
        self._go_on()

    def _end(self) -> None:
        self.lags.extend(self._clock.now - at for at, _ in self._written)
        self._written = []
        self._go_on()

    @staticmethod
    def _spent(cost: Cost, stretch: Stretch) -> float:
        decisions = sum(count for _, count in stretch)
        return (cost.run * decisions / DECISIONS + cost.transaction * len(stretch)) / 1000


@dataclass(slots=True)
class Lane:
    """Decides for the runs of one partition: one batch, one transaction at a time.

    ``brokers`` are its leader and the followers, all of which must have a transaction; ``called``
    is told of each run whose decision was committed, with the seconds that it took.
    """

    clock: Clock
    process: Process
    brokers: Sequence[Worker]
    projector: Projector
    costs: Costs
    called: Callable[[Lane, Run, float], None]
    transactions: int = 0
    _waiting: deque[tuple[float, Run]] = field(default_factory=deque)
    _batch: list[tuple[float, Run]] = field(default_factory=list)
    _busy: bool = False
    _out: int = 0

    def take(self, run: Run) -> None:
        """Put a request or a result where the next batch takes it from."""
        self._waiting.append((self.clock.now, run))
        if not self._busy:
            self._begin()

    def _begin(self) -> None:
        self._busy = True
        self.process.work(self._decide, self._commit)

    def _decide(self) -> float:
        count = min(_MOST_DECISIONS, len(self._waiting))
        self._batch = [self._waiting.popleft() for _ in range(count)]
        return self._spent(self.costs.lanes)

    def _spent(self, cost: Cost) -> float:
        return (cost.run * len(self._batch) / DECISIONS + cost.transaction) / 1000

    def _commit(self) -> None:
        self.transactions += 1
        self._out = len(self.brokers)
        for broker in self.brokers:
            broker.work(lambda: self._spent(self.costs.broker), self._acknowledged)

    def _acknowledged(self) -> None:
        self._out -= 1
        if not self._out:
            self.clock.after(self.costs.commit_wait_s, self._committed)

    def _committed(self) -> None:
        batch, now = self._batch, self.clock.now
        self.projector.take(len(batch))
        self._busy = False
        if self._waiting:
            self._begin()
        for asked, run in batch:
            run.left -= 1
            self.called(self, run, now - asked)
