"""Whose a run is: the one of a scope that a rule counts it for."""

from __future__ import annotations

from typing import Protocol

from runfold.events.definitions.tenancy.tenant_policy import Budget, Scope
from runfold.events.tenant import Asks
from runfold.processors.tenant.state import BookKey


class Rule(Protocol):
    """What a cap, a rate and a budget have in common."""

    @property
    def of(self) -> Scope:
        """Whose use is counted."""
        ...

    @property
    def name(self) -> str | None:
        """Of which one only; None is each one."""
        ...


def whose(of: str, asks: Asks) -> str | None:
    """Return the one of a scope that a run belongs to; None where it belongs to none."""
    match of:
        case "user":
            return asks.user_id
        case "agent":
            return asks.agent
        case "feature":
            return asks.feature
        case _:
            return ""


def concerns(rule: Rule, asks: Asks) -> bool:
    """Whether a cap, a rate or a budget counts a run."""
    found = whose(rule.of, asks)
    return found is not None and (rule.name is None or rule.name == found)


def book_key(budget: Budget, asks: Asks) -> BookKey:
    """Return the book in which a budget counts a run."""
    return BookKey(budget.of, whose(budget.of, asks) or "", budget.unit, budget.period)


def called(of: str, name: str) -> str:
    """Return one of a scope as people call it."""
    return f"{of} {name}" if name else f"the {of}"
