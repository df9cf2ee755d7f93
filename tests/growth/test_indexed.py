"""Every query of the command line and of the pages finds its rows by an index in full tables.

The planner decides, on tables that are filled and analysed. A report over everything reads
everything: such queries are named apart, and may not read a table once for each row of another.
``make bench-tables`` executes the same questions in tables with millions of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine

from benchmarks.tables.asking import ask
from benchmarks.tables.bulk_load import A_RUN, BulkLoad, Known, fill
from benchmarks.tables.plans import explain, read_over_and_over, read_whole, statements
from benchmarks.tables.questions import LOOKUPS, REPORTS, Question, of_documents
from runfold.projections import queries, schema
from tests.docs.given import blocks
from tests.support import stack

pytestmark = pytest.mark.integration

LOAD = BulkLoad(20_000, {**dict.fromkeys(A_RUN, 1), "run_events": 5})
FULL = set(A_RUN)
KNOWN = Known.of(LOAD.runs)
DOCUMENTS = of_documents([block.text for block in blocks() if block.language == "sql"])


@pytest.fixture(scope="module")
def full(servers: stack.Servers) -> Iterator[Engine]:
    """Tables with many rows, analysed."""
    with stack.fresh_database(servers.database_url) as url:
        fill(url, LOAD)
        made = schema.engine(url)
        yield made
        made.dispose()


def plans(engine: Engine, question: Question) -> list[dict[str, Any]]:
    """The plans of every statement of a question."""
    with engine.connect() as connection:
        with statements(engine) as found:
            question(connection, KNOWN)
        assert found
        return [explain(connection, statement)["Plan"] for statement in [*found]]


@pytest.mark.parametrize("name", LOOKUPS)
def test_what_people_ask_for_is_found_by_an_index(full: Engine, name: str) -> None:
    found = [table for plan in plans(full, LOOKUPS[name]) for table in read_whole(plan, FULL)]
    assert found == []


@pytest.mark.parametrize("name", [*REPORTS, *DOCUMENTS[1]])
def test_reports_read_everything_at_most_once(full: Engine, name: str) -> None:
    question = (REPORTS | DOCUMENTS[1])[name]
    found = [table for plan in plans(full, question) for table in read_over_and_over(plan, FULL)]
    assert found == []


SOME = ["a run", "a timeline", "open approvals", "what a run cost"]


@pytest.mark.parametrize("name", [*SOME, *DOCUMENTS[0]])
def test_a_look_up_touches_few_pages(full: Engine, name: str) -> None:
    question = (LOOKUPS | DOCUMENTS[0])[name]
    for answer in ask(full, name, question, KNOWN, lookup=True):
        assert answer.rows
        assert not answer.too_much, answer.line()


def test_an_index_that_is_missing_is_noticed(full: Engine) -> None:
    with full.connect() as connection:
        connection.exec_driver_sql("DROP INDEX runs_by_time")
        with statements(full) as found:
            queries.list_runs(queries.OperatorViews(connection, "a test"))
        read = [
            table
            for statement in [*found]
            for table in read_whole(explain(connection, statement)["Plan"], FULL)
        ]
        connection.rollback()
    assert read == ["runs"]


def test_every_question_of_the_pages_is_asked() -> None:
    asked = [block for block in blocks() if block.language == "sql"]
    assert asked
    assert len(DOCUMENTS[0]) + len(DOCUMENTS[1]) == len({block.text for block in asked})
