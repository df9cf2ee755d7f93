"""A deployment of so many processes and machines, and what a load makes of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.cluster.clock import Clock
from benchmarks.cluster.machine import Machine, Process
from benchmarks.cluster.parts import Costs, Lane, Projector, Run
from benchmarks.trend import percentile

_SEED = 7


@dataclass(frozen=True, slots=True)
class Plan:
    """How many there are of each part; ``copies`` of a record among the brokers.

    With ``together`` everything runs on one machine of so many cores.
    """

    partitions: int
    processes: int
    brokers: int
    broker_cores: int
    copies: int
    projectors: int
    databases: int
    database_cores: int
    together: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """What came out: busy shares of the mean and the busiest of each part, and latencies."""

    runs_per_s: float
    lanes: tuple[float, float]
    brokers: tuple[float, float]
    projectors: tuple[float, float]
    databases: tuple[float, float]
    decision_ms: tuple[float, float]
    hot_decision_ms: float
    behind_s: float
    transactions: float


class World:
    """The parts of a plan; runs stay on the partition that chance gives them."""

    def __init__(self, plan: Plan, costs: Costs, call_s: float, hot_share: float = 0.0) -> None:
        """Put it together; ``hot_share`` of the runs go to partition 0 beside its own."""
        self.clock = Clock()
        self._plan, self._costs, self._call_s = plan, costs, call_s
        self._hot_share = hot_share
        self._random = random.Random(_SEED)
        shared = [Machine(self.clock, plan.together)] if plan.together else []
        self._brokers = shared or [
            Machine(self.clock, plan.broker_cores) for _ in range(plan.brokers)
        ]
        self._databases = shared or [
            Machine(self.clock, plan.database_cores) for _ in range(plan.databases)
        ]
        self._processes = self._interpreters(plan.processes, shared)
        self._folding = self._interpreters(plan.projectors, shared)
        self._projectors = [
            Projector(self.clock, process, self._databases[n % len(self._databases)], costs)
            for n, process in enumerate(self._folding)
        ]
        self._lanes = [self._lane(number) for number in range(plan.partitions)]
        self._took: list[float] = []
        self._hot: list[float] = []
        self._ended = 0
        self._again = False

    def offer(self, a_second: float, seconds: float) -> Found:
        """Offer a stream of runs, and look at its second half."""
        gap = 1 / a_second

        def ask() -> None:
            self._start()
            self.clock.after(self._random.expovariate(1) * gap, ask)

        ask()
        return self._look(seconds)

    def keep_open(self, at_once: int, seconds: float) -> Found:
        """Keep so many runs open, and look at the second half."""
        self._again = True
        for _ in range(at_once):
            self._start()
        return self._look(seconds)

    def _interpreters(self, count: int, shared: Sequence[Machine]) -> list[Process]:
        return [Process(shared[0] if shared else Machine(self.clock, 1)) for _ in range(count)]

    def _lane(self, number: int) -> Lane:
        count = len(self._brokers)
        return Lane(
            self.clock,
            self._processes[number % len(self._processes)],
            [self._brokers[(number + copy) % count] for copy in range(self._plan.copies)],
            self._projectors[number % len(self._projectors)],
            self._costs,
            self._called,
        )

    def _start(self) -> None:
        hot = self._random.random() < self._hot_share
        number = 0 if hot else self._random.randrange(len(self._lanes))
        self._lanes[number].take(Run(self.clock.now))

    def _called(self, lane: Lane, run: Run, seconds: float) -> None:
        (self._hot if lane is self._lanes[0] else self._took).append(seconds * 1000)
        if run.left:
            pause = self._random.expovariate(1 / self._call_s) if self._call_s else 0.0
            self.clock.after(pause, lambda: lane.take(run))
            return
        self._ended += 1
        if self._again:
            self._start()

    def _look(self, seconds: float) -> Found:
        half = seconds / 2
        self.clock.run(half)
        self._ended, self._took, self._hot = 0, [], []
        for projector in self._projectors:
            projector.lags = []
        before = [self._busy(part) for part in self._parts()]
        made = self._transactions()
        self.clock.run(seconds)
        lanes, brokers, projectors, databases = (
            _shares(part, begun, half) for part, begun in zip(self._parts(), before, strict=True)
        )
        lags = [lag for projector in self._projectors for lag in projector.lags]
        took = self._took + self._hot
        return Found(
            self._ended / half,
            lanes,
            brokers,
            projectors,
            databases,
            (percentile(took, 50), percentile(took, 99)),
            percentile(self._hot, 99),
            percentile(lags, 99),
            (self._transactions() - made) / max(1, self._ended),
        )

    def _transactions(self) -> int:
        return sum(lane.transactions for lane in self._lanes)

    def _parts(self) -> tuple[Sequence[Machine | Process], ...]:
        return self._processes, self._brokers, self._folding, self._databases

    @staticmethod
    def _busy(part: Sequence[Machine | Process]) -> list[float]:
        return [each.busy_s for each in part]


def _shares(
    part: Sequence[Machine | Process], before: Sequence[float], seconds: float
) -> tuple[float, float]:
    found = [
        (each.busy_s - begun) / seconds / (each.cores if isinstance(each, Machine) else 1)
        for each, begun in zip(part, before, strict=True)
    ]
    return sum(found) / len(found), max(found)
