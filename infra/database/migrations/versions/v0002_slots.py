"""Slots of tools whose executions are bounded across processes: one row for each that is taken."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table of slots."""
    op.execute(
        """
        CREATE TABLE IF NOT EXISTS tool_slots (
            tenant text NOT NULL,
            tool text NOT NULL,
            number integer NOT NULL,
            owner text NOT NULL,
            token text NOT NULL,
            run_id text NOT NULL,
            call_id text NOT NULL,
            taken_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (tenant, tool, number)
        )"""
    )
