"""Questions about safe points: where a run could have gone on from [27, 28]."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, MetaData, Table, Text, select
from sqlalchemy.dialects.postgresql import JSONB

from runfold.projections.queries.scope import Row, Views

# A view of the database, and no table of ours: it is made by `sql_views`.
_STRONG = Table(
    "strong_checkpoints",
    MetaData(),
    *(Column(name, Text) for name in ("checkpoint_id", "run_id", "tenant_id", "thread_id")),
    Column("step", BigInteger),
    Column("status", Text),
    Column("agent_decision", JSONB),
    Column("idempotency_key", Text),
    Column("approval", JSONB),
    Column("context_refs", JSONB),
    Column("resume_policy", JSONB),
    Column("results", JSONB),
    Column("state_hash", Text),
    Column("seq", BigInteger),
    Column("created_at", DateTime(timezone=True)),
)


def checkpoints_of(views: Views, run_id: str, after_seq: int = 0, limit: int = 50) -> list[Row]:
    """Return a run's checkpoints after an event, in order: before each call, and after it."""
    query = select(_STRONG).where(
        _STRONG.c.run_id == run_id, _STRONG.c.seq > after_seq, views.sees(_STRONG)
    )
    return views.all(query.order_by(_STRONG.c.seq, _STRONG.c.checkpoint_id).limit(limit))
