"""What Postgres does for a statement: its plan, by EXPLAIN, and what it touched."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event

Plan = dict[str, Any]
Statement = tuple[str, Any]


@contextmanager
def statements(engine: Engine) -> Iterator[list[Statement]]:
    """Yield the SELECTs that are executed meanwhile with their values, as they come."""
    found: list[Statement] = []

    def note(_: object, __: object, statement: str, values: Any, *___: object) -> None:
        if statement.lstrip().upper().startswith("SELECT"):
            found.append((statement, values))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


def explain(connection: Connection, statement: Statement, options: str = "") -> dict[str, Any]:
    """Return what EXPLAIN says of a statement: its ``Plan``, and times where it was executed."""
    query, values = statement
    asked = f"EXPLAIN (FORMAT JSON{options}) {query}"
    said = connection.exec_driver_sql(asked, values).scalar_one()
    found: dict[str, Any] = (said if isinstance(said, list) else json.loads(said))[0]
    return found


def nodes(plan: Plan) -> Iterator[Plan]:
    """Yield a plan and everything below it."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def read_whole(plan: Plan, tables: Collection[str]) -> list[str]:
    """Return those of the tables that a plan reads from end to end."""
    return [
        node["Relation Name"]
        for node in nodes(plan)
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in tables
    ]


def read_over_and_over(plan: Plan, tables: Collection[str]) -> list[str]:
    """Return those that a plan reads from end to end once for each row of another."""
    return [
        name
        for node in nodes(plan)
        if node["Node Type"] == "Nested Loop"
        for inner in node["Plans"][1:]
        if inner["Node Type"] != "Materialize"
        for name in read_whole(inner, tables)
    ]


def scans(plan: Plan) -> list[str]:
    """Return how a plan reads its tables: kind of scan, and the index or table, each once."""
    found = [
        f"{node['Node Type']} {node.get('Index Name') or node.get('Relation Name')}"
        for node in nodes(plan)
        if "Scan" in node["Node Type"] and (node.get("Index Name") or node.get("Relation Name"))
    ]
    return list(dict.fromkeys(found))


def buffers(plan: Plan) -> int:
    """Return the pages of 8 KB that an executed plan touched, in the cache or not."""
    return int(plan.get("Shared Hit Blocks", 0)) + int(plan.get("Shared Read Blocks", 0))


def made_of(plan: Plan) -> int:
    """Return of how many rows the answer was made: those that came back, or that were summed."""
    node, summed = plan, False
    rows = _rows(plan)
    while True:
        below = [each for each in node.get("Plans", ()) if "Subplan Name" not in each]
        if len(below) != 1:
            return rows
        summed = summed or node["Node Type"] == "Aggregate"
        node = below[0]
        if summed:
            rows = max(rows, _rows(node))


def _rows(node: Plan) -> int:
    return round(float(node["Actual Rows"]) * int(node["Actual Loops"]))
