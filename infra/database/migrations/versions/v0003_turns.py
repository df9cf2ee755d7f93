"""Turns of tools whose executions a minute are bounded across processes: one row for each tool."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table of turns."""
    op.execute(
        """
        CREATE TABLE IF NOT EXISTS tool_turns (
            tenant text NOT NULL,
            tool text NOT NULL,
            next timestamptz NOT NULL,
            PRIMARY KEY (tenant, tool)
        )"""
    )
