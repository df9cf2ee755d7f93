"""How one round is played."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.system.torture.faults.plan import FIXED

ROOT = Path(__file__).parents[3]
SETTLE_S = 60.0


@dataclass(frozen=True, slots=True)
class Rules:
    """How a round is played; ``tree`` is where the product's code is taken from.

    ``pooled`` returns the address by which the product reaches the database of the round. Where
    ``calls_per_s`` is more than none, two gateways and the process that delivers run too, and so
    many runs are asked for through them a second.
    """

    seed: str
    seconds: float
    ownership: str = FIXED
    runs_per_s: float = 5.0
    most_open: int = 1000
    again: float = 0.1
    poisoned: float = 0.01
    lease_s: float = 1.0
    settle_s: float = SETTLE_S
    late_s: float = 2.0
    shapes: str = ""
    engine: dict[str, float] = field(default_factory=dict)
    pooled: Callable[[str], str] = str
    tree: Path = ROOT
    env: dict[str, str] = field(default_factory=dict)
    calls_per_s: float = 0.0
