"""Questions of an auditor: are the chains whole, had every tool call its permit."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import FromClause, column, func, select
from sqlalchemy import table as of

from runfold.projections.queries.scope import OperatorViews, Row, Views
from runfold.projections.tables import audit, projection_failures

_UNPERMITTED = of("tool_calls_started_without_permit", column("run_id"))


@dataclass(frozen=True, slots=True)
class AuditSummary:
    """The state of all chains; every figure but the first two must be 0 in a sound system."""

    runs: int
    events: int
    broken_chains: int
    starts_without_permit: int
    projection_failures: int


def audit_summary(views: Views) -> AuditSummary:
    """Return the state of every chain and of the permits."""
    counted = views.connection.execute(
        select(
            func.count(),
            func.coalesce(func.sum(audit.c.events), 0),
            func.count().filter(~audit.c.chain_ok),
        )
        .select_from(audit)
        .where(views.sees(audit))
    ).one()
    return AuditSummary(
        counted[0],
        int(counted[1]),
        counted[2],
        _count(views, _UNPERMITTED),
        _count(views, projection_failures),
    )


def _count(views: Views, rows: FromClause) -> int:
    """Return how many rows there are of the runs that are seen; an operator sees those of none."""
    query = select(func.count()).select_from(rows)
    if not isinstance(views, OperatorViews):
        query = query.where(rows.c.run_id.in_(select(audit.c.run_id).where(views.sees(audit))))
    return int(views.connection.execute(query).scalar_one())


def audit_of(views: Views, run_id: str) -> Row | None:
    """Return a run's row of ``audit``, None if the view knows none."""
    return views.one(select(audit).where(audit.c.run_id == run_id, views.sees(audit)))
