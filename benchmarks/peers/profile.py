"""How much is measured: how many rounds, and the cases of a turn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from benchmarks.peers.agent.work import Load

PLAIN = Load()
SLOW_MODEL = Load(model_ms=50)
LARGE = Load(content_bytes=10_000)
IN_FLIGHT = 50


class Scope(StrEnum):
    """Which of the cases a system is measured with, for a session to end in time."""

    ALL = "all"
    PLAIN = "plain"
    """Only those of the plain load."""
    FEW = "few"
    """With fewer runs, and without the largest cases: the system is slow."""


@dataclass(frozen=True, slots=True)
class Bulk:
    """Runs made together; ``column`` begins the names of its columns."""

    column: str
    runs: int
    at_once: int
    load: Load = PLAIN
    first_round_only: bool = False


@dataclass(frozen=True, slots=True)
class Single:
    """Runs one after another."""

    column: str
    runs: int
    load: Load = PLAIN


@dataclass(frozen=True, slots=True)
class Profile:
    """A choice of cases; slow systems make ``slow_share`` of the runs."""

    name: str
    rounds: int
    bulks: tuple[Bulk, ...]
    singles: tuple[Single, ...]
    crash_runs: int
    warm_runs: int
    slow_share: float

    def within(self, scope: Scope) -> Profile:
        """Return the cases that a system is measured with."""
        match scope:
            case Scope.ALL:
                return self
            case Scope.PLAIN:
                bulks = tuple(bulk for bulk in self.bulks if bulk.load == PLAIN)
                singles = tuple(single for single in self.singles if single.load == PLAIN)
                return replace(self, bulks=bulks, singles=singles)
            case Scope.FEW:
                return self._fewer()

    def in_round(self, number: int) -> Profile:
        """Return what is measured in a round, counted from 1."""
        bulks = tuple(b for b in self.bulks if number == 1 or not b.first_round_only)
        return replace(self, bulks=bulks)

    def _fewer(self) -> Profile:
        few = [replace(b, runs=self._share(b.runs)) for b in self.bulks if b.runs <= 300]
        return replace(
            self,
            bulks=tuple(replace(b, at_once=min(b.at_once, b.runs)) for b in few),
            singles=tuple(replace(s, runs=self._share(s.runs)) for s in self.singles),
            crash_runs=self._share(self.crash_runs),
            warm_runs=self._share(self.warm_runs),
        )

    def _share(self, runs: int) -> int:
        return max(5, round(runs * self.slow_share))


def _bulks(few: int, many: int, *, many_once: bool) -> tuple[Bulk, ...]:
    large = max(10, few // 3)
    return (
        Bulk("few", few, min(few, IN_FLIGHT)),
        Bulk("few_together", few, few),
        Bulk("many", many, IN_FLIGHT, first_round_only=many_once),
        Bulk("many_together", many, many, first_round_only=many_once),
        Bulk("slow_model", few, min(few, IN_FLIGHT), SLOW_MODEL),
        Bulk("large_contents", large, min(large, IN_FLIGHT), LARGE),
    )


def _singles(plain: int, others: int) -> tuple[Single, ...]:
    return (
        Single("single", plain),
        Single("single_slow_model", others, SLOW_MODEL),
        Single("single_large_contents", others, LARGE),
    )


PROFILES = {
    "quick": Profile("quick", 1, _bulks(20, 60, many_once=True), _singles(5, 3), 20, 10, 0.5),
    "standard": Profile(
        "standard", 3, _bulks(300, 2000, many_once=True), _singles(30, 10), 200, 50, 1 / 3
    ),
    "full": Profile("full", 3, _bulks(300, 2000, many_once=False), _singles(100, 30), 200, 50, 1.0),
}
