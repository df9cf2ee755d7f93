"""Every query of the command line and of the pages finds its rows by an index in full tables.

The planner decides, on tables that are filled and analysed. A report over everything reads
everything: such queries are named here, and may not read a table once for each row of another.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, Engine, Table, event
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.types import BigInteger, Boolean, DateTime, Integer, Numeric

from projections import queries, schema, spending
from projections.queries import RunFilter
from projections.tables import METADATA
from tests.docs.given import blocks
from tests.support import stack

pytestmark = pytest.mark.integration

ROWS = 20_000
FULL = {
    "runs",
    "run_events",
    "tool_invocations",
    "model_calls",
    "approvals",
    "checkpoints",
    "costs",
    "audit",
    "policy_decisions",
    "dead_letters",
}
RUN = "run-77"
EARLY, LATE = datetime(2026, 1, 1, 0, 5, tzinfo=UTC), datetime(2026, 1, 1, 5, tzinfo=UTC)

ASKED: dict[str, Callable[[Connection], object]] = {
    "a run": lambda c: queries.run(c, RUN),
    "the newest runs": queries.list_runs,
    "a tenant's runs": lambda c: queries.list_runs(c, RunFilter(tenant_id="t-3")),
    "a tenant's runs of a status": lambda c: queries.list_runs(
        c, RunFilter(tenant_id="t-3", status="completed")
    ),
    "a tenant's runs that wait": lambda c: queries.list_runs(
        c, RunFilter(tenant_id="t-3", status="waiting_for_human")
    ),
    "runs since": lambda c: queries.list_runs(c, RunFilter(created_from=LATE)),
    "runs before": lambda c: queries.list_runs(c, RunFilter(created_before=EARLY)),
    "a conversation's runs": lambda c: queries.list_runs(c, RunFilter(thread_id="thread-5")),
    "a run's children": lambda c: queries.list_runs(c, RunFilter(parent_run_id=RUN)),
    "a timeline": lambda c: queries.timeline(c, RUN),
    "a timeline from the middle": lambda c: queries.timeline(c, RUN, after_seq=3),
    "a run's calls": lambda c: queries.calls(c, RUN),
    "the latest checkpoint": lambda c: queries.latest_checkpoint(c, RUN),
    "whether it already ran": lambda c: queries.already_ran(c, "tool_name-7", "key-7"),
    "a run's approvals": lambda c: queries.open_approvals(c, run_id=RUN),
    "open approvals": queries.open_approvals,
    "a tenant's open approvals": lambda c: queries.open_approvals(c, tenant_id="t-3"),
    "a run's audit": lambda c: queries.audit_of(c, RUN),
    "dead letters": queries.list_dead_letters,
    "failures": queries.list_failures,
    "positions": queries.positions,
    "what a run cost": lambda c: spending.costs_by(c, "model", run_id=RUN),
    "what a tenant spent lately": lambda c: spending.costs_by(
        c, "agent", tenant_id="t-3", since=LATE
    ),
}

REPORTS: dict[str, Callable[[Connection], object]] = {
    "the state of every chain": queries.audit_summary,
    "everything that was spent": lambda c: spending.costs_by(c, "tenant_id"),
    "every budget": spending.budgets,
}


VALUES = {
    "run_events.run_id": "'run-' || n / 5",
    "run_events.seq": "n % 5 + 1",
    "run_events.call_id": "'run-' || n / 5 || '.' || n % 5",
    "run_events.type": "CASE n % 5 WHEN 2 THEN 'PolicyDecided' WHEN 3 THEN 'ToolCallStarted'"
    " ELSE 'ModelCalled' END",
    "approvals.status": "CASE WHEN n % 100 = 0 THEN 'pending' ELSE 'approved' END",
    "run_id": "'run-' || n",
    "tenant_id": "'t-' || n % 50",
    "thread_id": "CASE WHEN n % 9 = 0 THEN 'thread-' || n / 90 END",
    "parent_run_id": "CASE WHEN n % 9 = 0 THEN 'run-' || n / 90 END",
    "status": "CASE WHEN n % 100 = 0 THEN 'waiting_for_human' ELSE 'completed' END",
    "tool_name": "'tool_name-' || n % 9",
    "idempotency_key": "'key-' || n",
    "kind": "CASE n % 2 WHEN 0 THEN 'tool' ELSE 'model' END",
    "fact": """'{"effect": "permit"}'::json""",
}
"""The SQL of a column's value in row ``n``, by column, and by table and column."""


def value_of(table: Table, name: str, kind: Any) -> str:
    """The SQL of a column's value in row ``n``."""
    known = VALUES.get(f"{table.name}.{name}") or VALUES.get(name)
    return known or plain_value(kind, name)


def plain_value(kind: Any, name: str) -> str:
    """A value of a type that nobody asks for by name."""
    match kind:
        case Boolean():
            return "true"
        case BigInteger() | Integer() | Numeric():
            return "n"
        case DateTime():
            return "timestamptz '2026-01-01 00:00Z' + n * interval '1 second'"
        case JSON():
            return "'{}'"
        case _:
            return f"'{name}-' || n"


@pytest.fixture(scope="module")
def full(servers: stack.Servers) -> Iterator[Engine]:
    """Tables with many rows, analysed."""
    with stack.fresh_database(servers.database_url) as url:
        fill(url)
        made = schema.engine(url)
        yield made
        made.dispose()


def fill(url: str) -> None:
    """Make the tables and put rows into them."""
    schema.ensure(url)
    with psycopg.connect(url, autocommit=True) as connection:
        for table in METADATA.sorted_tables:
            if table.name not in FULL:
                continue
            names = ", ".join(column.name for column in table.columns)
            values = ", ".join(value_of(table, c.name, c.type) for c in table.columns)
            many = ROWS * 5 if table.name == "run_events" else ROWS
            connection.execute(
                f"INSERT INTO {table.name} ({names}) SELECT {values}"
                f" FROM generate_series(1, {many}) AS n".encode()
            )
        connection.execute("ANALYZE")


@contextmanager
def plans(engine: Engine) -> Iterator[list[dict[str, Any]]]:
    """The plans of every statement that is executed meanwhile."""
    found: list[dict[str, Any]] = []

    def explain(_: object, cursor: Any, statement: str, values: Any, *__: object) -> None:
        if statement.lstrip().upper().startswith("SELECT"):
            cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", values)
            said = cursor.fetchone()[0]
            found.append((said if isinstance(said, list) else json.loads(said))[0]["Plan"])

    event.listen(engine, "before_cursor_execute", explain)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", explain)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan and everything below it."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def read_whole(plan: dict[str, Any]) -> list[str]:
    """The full tables that a plan reads from end to end."""
    return [
        node["Relation Name"]
        for node in nodes(plan)
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in FULL
    ]


def read_over_and_over(plan: dict[str, Any]) -> list[str]:
    """The full tables that a plan reads from end to end once for each row of another."""
    return [
        name
        for node in nodes(plan)
        if node["Node Type"] == "Nested Loop"
        for inner in node["Plans"][1:]
        if inner["Node Type"] != "Materialize"
        for name in read_whole(inner)
    ]


def test_what_people_ask_for_is_found_by_an_index(full: Engine) -> None:
    whole = {}
    for name, ask in ASKED.items():
        with plans(full) as found, full.connect() as connection:
            ask(connection)
        assert found, name
        if read := [table for plan in found for table in read_whole(plan)]:
            whole[name] = read
    assert whole == {}


def test_reports_read_everything_at_most_once(full: Engine) -> None:
    for name, ask in REPORTS.items():
        with plans(full) as found, full.connect() as connection:
            ask(connection)
        assert found, name
        assert [table for plan in found for table in read_over_and_over(plan)] == [], name


def test_an_index_that_is_missing_is_noticed(full: Engine) -> None:
    with plans(full) as found, full.connect() as connection:
        connection.exec_driver_sql("DROP INDEX runs_by_time")
        queries.list_runs(connection)
        connection.rollback()
    assert [table for plan in found for table in read_whole(plan)] == ["runs"]


def test_the_queries_of_the_pages_read_nothing_over_and_over(full: Engine) -> None:
    asked = [block for block in blocks() if block.language == "sql"]
    assert asked
    for block in asked:
        with full.connect() as connection:
            statement = block.text.strip().rstrip(";")
            said = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}").scalar_one()
        assert read_over_and_over(said[0]["Plan"]) == [], block
