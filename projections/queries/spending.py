"""What people ask about money: costs by anything they belong to, and against budgets [154, 159].

Amounts are exact decimals, in US dollars. A call without a known price is counted as unpriced and
has no amount anywhere.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any, Literal

from sqlalchemy import Numeric, and_, case, cast, func, literal, or_, select, true

from runfold.projections.queries.scope import Row, Views
from runfold.projections.tables import costs, run_events, runs

Dimension = Literal[
    "tenant_id",
    "user_id",
    "run_id",
    "agent",
    "agent_version",
    "prompt_version",
    "model",
    "provider",
    "tool",
    "feature",
    "skill",
    "variant",
    "kind",
]

By = Dimension | Literal["day", "month"]
"""What sums may be for: what a row of costs belongs to, or its day or month in UTC."""

MODEL = "model"
"""The kind of the costs of model calls: its name alone, since every question loads this module."""

_ENDED_BADLY = ("failure", "cancelled")
_A_MILLIONTH = literal("0.000001").cast(Numeric)


def costs_by(
    views: Views,
    *dimensions: By,
    run_id: str | None = None,
    since: datetime | None = None,
) -> list[Row]:
    """Return costs over these dimensions, the most expensive first, periods in order [159].

    ``cost_usd`` leaves out answers without a price, which ``unpriced`` counts, and is None where
    no price of any is known; so are the other amounts. Of it, ``retry_usd`` is what attempts after
    the first cost; ``wasted_usd`` what tool calls cost that failed or came back too late, and
    everything in runs that failed or were cancelled. ``cache_savings_usd`` is what the provider's
    caches saved (below 0 where writing to them cost more), at the prices on record.
    """
    columns = [_column(name) for name in dimensions]
    total = _known(costs.c.cost_usd, true()).label("cost_usd")
    wasted = or_(runs.c.exit_status.in_(_ENDED_BADLY), run_events.c.type.in_(_in_vain()))
    query = select(
        *columns,
        func.count().label("calls"),
        func.sum(costs.c.input_tokens).label("input_tokens"),
        func.sum(costs.c.output_tokens).label("output_tokens"),
        func.count().filter(costs.c.cost_usd.is_(None)).label("unpriced"),
        total,
        _known(costs.c.cost_usd, costs.c.attempt > 1).label("retry_usd"),
        _known(costs.c.cost_usd, wasted).label("wasted_usd"),
        _known(_saved(), _CACHED).label("cache_savings_usd"),
    ).select_from(_with_runs_and_events())
    query = query.where(views.sees(costs) if run_id is not None else views.counts(costs))
    if run_id is not None:
        query = query.where(costs.c.run_id == run_id)
    if since is not None:
        query = query.where(costs.c.time >= since)
    periods = [_PERIODS[name] for name in dimensions if name in _PERIODS]
    dearest = total.desc().nulls_last()
    return views.all(query.group_by(*columns).order_by(*periods, dearest, *columns))


def budgets(views: Views, since: datetime | None = None) -> list[Row]:
    """Return the runs that have a budget with what they spent of it, the fullest first.

    ``spent_share`` is ``cost_usd / budget_usd``; ``unpriced_calls`` are not in it. Both are None
    where no price of any call is known.
    """
    budget = cast(run_events.c.fact["limits"]["max_cost"].astext, Numeric)
    share = (runs.c.cost_usd / func.nullif(budget, 0)).label("spent_share")
    first = and_(run_events.c.run_id == runs.c.run_id, run_events.c.seq == 1)
    query = select(
        runs.c.run_id,
        runs.c.tenant_id,
        runs.c.user_id,
        runs.c.agent,
        runs.c.status,
        budget.label("budget_usd"),
        runs.c.cost_usd,
        share,
        runs.c.unpriced_calls,
    ).select_from(runs.join(run_events, first))
    query = query.where(budget.is_not(None), views.counts(runs))
    if since is not None:
        query = query.where(runs.c.created_at >= since)
    return views.all(query.order_by(share.desc().nulls_first(), runs.c.run_id))


_PERIODS: dict[str, Any] = {
    name: func.to_char(func.timezone("UTC", costs.c.time), form).label(name)
    for name, form in (("day", "YYYY-MM-DD"), ("month", "YYYY-MM"))
}


def _column(name: By) -> Any:
    return _PERIODS[name] if name in _PERIODS else costs.c[name]


_CACHED = and_(
    costs.c.kind == MODEL,
    or_(costs.c.cache_read_tokens > 0, costs.c.cache_write_tokens > 0),
)


def _known(amount: Any, which: Any) -> Any:
    """Return a sum over some rows; where it would be 0 for lack of prices, nobody knows it."""
    unknown = func.count().filter(which, amount.is_(None)) > 0
    return func.nullif(
        func.coalesce(func.sum(amount).filter(which), 0), case((unknown, literal(0)))
    )


def _with_runs_and_events() -> Any:
    """Join only those events that tell more than the row of costs does."""
    telling = or_(
        costs.c.kind != MODEL, costs.c.cache_read_tokens > 0, costs.c.cache_write_tokens > 0
    )
    same = and_(run_events.c.run_id == costs.c.run_id, run_events.c.seq == costs.c.seq, telling)
    return costs.outerjoin(runs, runs.c.run_id == costs.c.run_id).outerjoin(run_events, same)


def _saved() -> Any:
    """Return what a row's cached tokens would have cost more at the price of plain input."""
    plain = _rate("input_mtok")
    read = costs.c.cache_read_tokens * (plain - func.coalesce(_rate("cache_read_mtok"), plain))
    written = costs.c.cache_write_tokens * (plain - func.coalesce(_rate("cache_write_mtok"), plain))
    return case((costs.c.kind == MODEL, (read + written) * _A_MILLIONTH))


def _rate(name: str) -> Any:
    return cast(run_events.c.fact["price"][name].astext, Numeric)


@cache
def _in_vain() -> tuple[str, ...]:
    # Every question to the views loads this module, and few need the facts of the journal.
    from runfold.events.catalogue import FACTS  # noqa: PLC0415 - see above

    return tuple(fact.__name__ for fact in FACTS if fact.traits.in_vain)
