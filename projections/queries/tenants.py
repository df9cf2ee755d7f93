"""What people ask about tenants: how many runs each of them has, and where."""

from __future__ import annotations

from sqlalchemy import Column, ColumnElement, MetaData, Numeric, Table, Text, func, select

from runfold.projections.queries.scope import Row, Views
from runfold.projections.tables import tenant_budgets, tenant_runs


def list_tenants(views: Views, limit: int = 1000) -> list[Row]:
    """Return the tenants whose runs ever asked to be admitted, those with the longest queue first.

    ``alerts`` counts budgets, of any period, that reached their soft limit.
    """
    at = tenant_runs.c
    alerts = (
        select(func.count())
        .where(tenant_budgets.c.tenant_id == at.tenant_id, tenant_budgets.c.alerted)
        .scalar_subquery()
    )
    waiting = _counted(at.status == "queued").label("waiting")
    query = (
        select(
            at.tenant_id,
            _counted(at.status == "running").label("running"),
            waiting,
            func.min(at.queued_at).filter(at.status == "queued").label("waiting_since"),
            _counted(at.status == "refused").label("refused"),
            _counted((at.status == "returned") & at.admitted_at.is_not(None)).label("returned"),
            alerts.label("alerts"),
        )
        .where(views.sees(tenant_runs))
        .group_by(at.tenant_id)
        .order_by(waiting.desc(), at.tenant_id)
    )
    return views.all(query.limit(limit))


_IN_USE = Table(
    "tenant_budget_use",
    MetaData(),
    *(Column(name, Text) for name in ("tenant_id", "scope", "name", "unit", "period")),
    *(Column(name, Numeric) for name in ("used", "set_aside", "limit_amount", "soft_amount")),
    Column("began_at", tenant_budgets.c.began_at.type),
)
"""The columns of the SQL view that are asked for."""


def tenant_budgets_in_use(views: Views, limit: int = 1000) -> list[Row]:
    """Return the budgets of tenants in the period that lasts, the fullest first.

    One without a use in this period has no row. ``share`` is what is used and set aside, of the
    limit; None where that is 0.
    """
    at = _IN_USE.c
    share = ((at.used + at.set_aside) / func.nullif(at.limit_amount, 0)).label("share")
    query = (
        select(_IN_USE, share)
        .where(views.sees(_IN_USE), at.limit_amount.is_not(None))
        .order_by(share.desc().nulls_last(), at.tenant_id, at.scope, at.name, at.unit, at.period)
    )
    return views.all(query.limit(limit))


def set_aside_at_tenants(views: Views) -> list[Row]:
    """Return what the runs that run now have set aside at their tenants, by whom they are for.

    The amounts go by the names of their units; ``runs`` counts the runs.
    """
    at = tenant_runs.c
    groups = (at.tenant_id, at.user_id, at.agent, at.feature)
    query = (
        select(
            *groups,
            func.sum(at.usd_set_aside).label("usd"),
            func.sum(at.tokens_set_aside).label("tokens"),
            func.sum(at.tool_calls_set_aside).label("tool_calls"),
            func.sum(at.retries_set_aside).label("retries"),
            func.count().label("runs"),
        )
        .where(views.sees(tenant_runs), at.status == "running")
        .group_by(*groups)
    )
    return views.all(query)


def _counted(those: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count().filter(those)
