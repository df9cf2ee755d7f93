"""A short, fixed round that makes one kind of trouble."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tests.system.torture.faults.plan import Fault
from tests.system.torture.round import ROOT, Rules


@dataclass(frozen=True, slots=True)
class Trouble:
    """A short round: its faults, which runs are asked for, what is said again and poisoned."""

    name: str
    faults: tuple[Fault, ...] = ()
    seconds: float = 14.0
    again: float = 0.0
    poisoned: float = 0.0
    late_s: float = 1.0
    shapes: str = ""
    settle_s: float = 25.0
    runs_per_s: float = 5.0
    engine: dict[str, float] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    seed: str = ""
    calls_per_s: float = 0.0

    def rules(self, tree: Path = ROOT) -> Rules:
        """Return how it is played with the product of a tree; its name is the seed, or both are."""
        return Rules(
            seed=f"{self.name}/{self.seed}" if self.seed else self.name,
            seconds=self.seconds,
            runs_per_s=self.runs_per_s,
            again=self.again,
            poisoned=self.poisoned,
            late_s=self.late_s,
            shapes=self.shapes,
            settle_s=self.settle_s,
            engine=self.engine,
            tree=tree,
            env=self.env,
            calls_per_s=self.calls_per_s,
        )
