"""What people ask about tenants: how many runs each of them has, and where."""

from __future__ import annotations

from sqlalchemy import ColumnElement, func, select

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


def _counted(those: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count().filter(those)
