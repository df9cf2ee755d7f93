"""Costs as they are shown; JSON carries every digit of an amount."""

from __future__ import annotations

from typing import Literal

from runfold.surfaces.application.shapes.base import SHAPE, Shape, Share, Usd


class CostSum(Shape):
    """What was spent by one group; ``by`` names the dimensions that the sums are for.

    A dimension that is not in ``by`` is None; one that is in it is None where a cost has none.
    ``day`` is a date in UTC, such as 2026-05-31, ``month`` is such as 2026-05.
    ``cost_usd`` leaves out the answers without a price, which ``unpriced`` counts. Of it,
    ``retry_usd`` is what attempts after the first cost, ``wasted_usd`` what tool calls in vain and
    runs that failed or were cancelled cost. ``cache_savings_usd`` is what the caches of providers
    saved, below 0 where writing to them cost more.
    """

    shape: Literal[2] = SHAPE
    by: tuple[str, ...]
    tenant_id: str | None = None
    user_id: str | None = None
    run_id: str | None = None
    agent: str | None = None
    agent_version: str | None = None
    prompt_version: str | None = None
    model: str | None = None
    provider: str | None = None
    tool: str | None = None
    feature: str | None = None
    skill: str | None = None
    variant: str | None = None
    kind: str | None = None
    day: str | None = None
    month: str | None = None
    calls: int
    input_tokens: int
    output_tokens: int
    unpriced: int
    cost_usd: Usd | None
    retry_usd: Usd | None
    wasted_usd: Usd | None
    cache_savings_usd: Usd | None


class Budget(Shape):
    """A run that has a budget; ``spent_share`` is None for a budget of 0."""

    shape: Literal[2] = SHAPE
    run_id: str
    tenant_id: str
    user_id: str
    agent: str
    status: str
    budget_usd: Usd
    cost_usd: Usd | None
    unpriced_calls: int
    spent_share: Share | None


class CostTotal(Shape):
    """Sums over all answers of models and tools; ``cost_usd`` leaves out the unpriced."""

    calls: int
    unpriced: int
    input_tokens: int
    output_tokens: int
    cost_usd: Usd | None


class CostDifference(Shape):
    """A sum of a view that is not the journal's: of which view, for what, and both in words."""

    view: str
    of: str
    journal: str
    shown: str


class CostProof(Shape):
    """The views compared with the journal up to ``offsets``, by partition of the journal.

    ``probes`` of the ``runs`` are those by which Runfold sees that runs complete.
    """

    shape: Literal[2] = SHAPE
    equal: bool
    total: CostTotal
    runs: int
    probes: int
    sums: int
    offsets: dict[int, int]
    differences: tuple[CostDifference, ...]


class Repriced(Shape):
    """A group of answers at other prices; amounts are those of answers that have both prices."""

    calls: int
    unpriced_before: int
    unpriced_after: int
    compared: int
    recorded_usd: Usd | None
    repriced_usd: Usd | None
    difference_usd: Usd | None


class Repricing(Repriced):
    """The past at other prices, kept as ``repricing``: in all, and by model."""

    shape: Literal[2] = SHAPE
    repricing: str
    by_model: dict[str, Repriced]
