"""What has no price costs null and never 0, and how long a request waited, in the database."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine

from runfold.infra.database.connection import plain
from runfold.projections import queries, schema
from runfold.projections.queries import OperatorViews
from runfold.projections.store.rows.sql import merge_into
from runfold.projections.tables import runs

pytestmark = pytest.mark.integration

AT = datetime(2026, 5, 31, 12, tzinfo=UTC)
WAITED = timedelta(seconds=8)

CHANGES: tuple[tuple[dict[str, Any], str | None], ...] = (
    ({}, "0"),
    ({"unpriced_calls": 1}, None),
    ({"cost_usd": "0", "unpriced_calls": 1}, None),
    ({"cost_usd": "0.25"}, "0.25"),
    ({"unpriced_calls": 2}, "0.25"),
    ({"cost_usd": "0.5"}, "0.75"),
)
"""Changes of one run, each with its cost after it."""


def change(connection: psycopg.Connection, run_id: str, **values: Any) -> None:
    row = {
        "run_id": run_id, "tenant_id": "acme", "user_id": "me", "status": "planning", "agent": "a",
        "seq": 1, "journal_partition": 0, "first_offset": 0,
        "created_at": (AT + WAITED).isoformat(), "updated_at": AT.isoformat(), **values,
    }  # fmt: skip
    connection.execute(merge_into(runs).encode(), (json.dumps([row]),))


def test_an_amount_is_null_until_a_price_is_known(database_url: str) -> None:
    schema.ensure(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        for values, cost in CHANGES:
            change(connection, "one", **values)
            found = connection.execute("SELECT cost_usd FROM runs").fetchone()
            assert found == (None if cost is None else Decimal(cost),)
        change(connection, "first", unpriced_calls=1)
        found = connection.execute("SELECT cost_usd FROM runs WHERE run_id = 'first'").fetchone()
        assert found == (None,)


def test_sums_of_what_has_no_price_are_null(database_url: str) -> None:
    schema.ensure(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        for seq, (model, cost) in enumerate((("a", None), ("b", None), ("b", "0.5"), ("c", "0"))):
            connection.execute(
                "INSERT INTO costs (run_id, seq, kind, call_id, attempt, tenant_id, user_id, agent,"
                " agent_version, prompt_version, model, input_tokens, output_tokens,"
                " cache_read_tokens, cache_write_tokens, cost_usd, time)"
                " VALUES ('r', %s, 'model', 'c', 2, 't', 'u', 'a', '1', '1', %s, 1, 1, 0, 0, %s,"
                " now())",
                (seq, model, cost),
            )
    engine = create_engine(plain(database_url).replace("postgresql:", "postgresql+psycopg:", 1))
    with engine.connect() as connection:
        rows = queries.costs_by(OperatorViews(connection, "a test"), "model")
    engine.dispose()
    names = ("model", "unpriced", "cost_usd", "retry_usd", "wasted_usd")
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("b", 1, Decimal("0.5"), Decimal("0.5"), 0), ("c", 0, 0, 0, 0), ("a", 1, None, None, 0),
    ]  # fmt: skip


def test_the_queue_is_measured_from_the_request(database_url: str) -> None:
    schema.ensure(database_url)
    asked = {"waits": AT, "ahead": AT + 2 * WAITED, "never": AT}
    with psycopg.connect(database_url, autocommit=True) as connection:
        for run_id, at in asked.items():
            begun = {} if run_id == "never" else {"started_at": (AT + WAITED).isoformat()}
            change(connection, run_id, requested_at=at.isoformat(), **begun)
        rows = connection.execute("SELECT run_id, queue_ms FROM run_metrics").fetchall()
    assert dict(rows) == {"waits": 8000, "ahead": 0, "never": None}
