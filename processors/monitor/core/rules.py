"""What an operator declared: objectives with their burn rates, rules, and allowances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction
from types import MappingProxyType

from runfold.events.records.alerts import Severity
from runfold.events.values import RunStatus
from runfold.processors.monitor.core.expressions import Expression
from runfold.processors.monitor.core.periods import written
from runfold.processors.monitor.core.windows import FINE_KEPT


@dataclass(frozen=True, slots=True)
class Rule:
    """Raises where an expression passes its bound, for each subject of ``by`` (None: for all).

    ``minimum`` says how much must have happened before it may raise.
    """

    name: str
    value: Expression
    window: timedelta
    severity: Severity
    summary: str
    by: str | None = None
    above: Fraction | None = None
    below: Fraction | None = None
    minimum: tuple[tuple[Expression, Fraction], ...] = ()


@dataclass(frozen=True, slots=True)
class Burn:
    """Raises where the error budget burns ``rate`` times too fast, over both windows."""

    short: timedelta
    long: timedelta
    rate: Fraction
    severity: Severity


@dataclass(frozen=True, slots=True)
class Objective:
    """A share ``target`` of ``total`` that must not be ``bad``; its budget is 1 - target."""

    name: str
    target: Fraction
    bad: Expression
    total: Expression
    burns: tuple[Burn, ...]
    by: str | None = None
    minimum: Fraction = Fraction(1)

    def rule_name(self, burn: Burn) -> str:
        """Return the name under which a burn rate raises."""
        return f"{self.name} {written(burn.short)}/{written(burn.long)}"


@dataclass(frozen=True, slots=True)
class AlertRules:
    """Everything declared. An alert clears after ``hold`` without its condition."""

    every: timedelta
    hold: timedelta
    top: int
    allowed: Mapping[RunStatus, timedelta | None]
    objectives: tuple[Objective, ...] = ()
    rules: tuple[Rule, ...] = ()
    names: frozenset[str] = field(init=False)
    longest: timedelta = field(init=False)

    def __post_init__(self) -> None:
        names = {rule.name for rule in self.rules}
        windows = {FINE_KEPT, *(rule.window for rule in self.rules)}
        for rule in self.rules:
            windows.update(rule.value.windows)
        for objective in self.objectives:
            names.update(objective.rule_name(burn) for burn in objective.burns)
            windows.update(burn.long for burn in objective.burns)
        object.__setattr__(self, "allowed", MappingProxyType(dict(self.allowed)))
        object.__setattr__(self, "names", frozenset(names))
        object.__setattr__(self, "longest", max(windows))
