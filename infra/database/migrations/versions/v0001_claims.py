"""Claims of tools with side effects: who may run one, and what came of it.

The tables may be there already: releases before the first version made them by themselves.
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

_TABLES = (
    """
    CREATE TABLE IF NOT EXISTS tool_claim_owners (
        owner text PRIMARY KEY,
        lives_until timestamptz NOT NULL
    )""",
    """
    CREATE TABLE IF NOT EXISTS tool_claims (
        tool text NOT NULL,
        idempotency_key text NOT NULL,
        tool_version text NOT NULL,
        tenant_id text NOT NULL,
        run_id text NOT NULL,
        call_id text NOT NULL,
        attempt integer NOT NULL,
        arguments_digest bytea NOT NULL,
        state text NOT NULL CHECK (state IN ('started', 'finished', 'released', 'uncertain')),
        owner text NOT NULL,
        token text NOT NULL,
        started_at timestamptz NOT NULL DEFAULT now(),
        ended_at timestamptz,
        result_media_type text,
        result_size bigint,
        result_digest bytea,
        result_inline bytea,
        result_ref text,
        UNIQUE (tool, idempotency_key)
    )""",
)


def upgrade() -> None:
    """Make the tables of claims where they are missing."""
    for table in _TABLES:
        op.execute(table)
