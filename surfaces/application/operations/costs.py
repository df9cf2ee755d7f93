"""Costs: what was spent by anything it belongs to, and against which budgets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from runfold.projections import queries
from runfold.projections.queries import Dimension, Views
from runfold.surfaces.application.errors import InvalidError

DIMENSIONS: dict[str, Dimension] = {
    "tenant": "tenant_id",
    "user": "user_id",
    "run": "run_id",
    "agent": "agent",
    "version": "agent_version",
    "feature": "feature",
    "model": "model",
    "provider": "provider",
    "skill": "skill",
    "tool": "tool",
    "prompt": "prompt_version",
    "variant": "variant",
    "kind": "kind",
}
"""What costs can be summed by, with the columns that hold it."""

Row = dict[str, Any]


def dimensions_of(names: Sequence[str]) -> tuple[Dimension, ...]:
    """Return the columns of named dimensions; raises InvalidError for one that there is not."""
    wrong = next((name for name in names if name not in DIMENSIONS), None)
    if wrong is not None:
        raise InvalidError(f"Costs are not kept by {wrong!r}; there are {', '.join(DIMENSIONS)}.")
    return tuple(DIMENSIONS[name] for name in names)


def costs(views: Views, by: Sequence[Dimension], since: datetime | None = None) -> list[Row]:
    """Return sums by some dimensions, the dearest first, as ``queries.costs_by`` has them."""
    return queries.costs_by(views, *by, since=since)


def budgets(views: Views, since: datetime | None = None) -> list[Row]:
    """Return the runs that have a budget with what they spent of it, the fullest first."""
    return queries.budgets(views, since)
