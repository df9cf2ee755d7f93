"""What is read off a plan."""

from __future__ import annotations

from typing import Any

from benchmarks.tables import plans
from benchmarks.tables.asking import Answer, allowed
from benchmarks.tables.questions import of_documents


def node(kind: str, rows: int, *below: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Node Type": kind, "Actual Rows": rows, "Actual Loops": 1, "Plans": [*below], **more}


BY_INDEX = node("Index Scan", 30, **{"Index Name": "runs_by_time", "Relation Name": "runs"})
WHOLE = node("Seq Scan", 900, **{"Relation Name": "runs"})


def test_an_answer_is_made_of_the_rows_that_come_back() -> None:
    assert plans.made_of(node("Limit", 10, node("Sort", 30, BY_INDEX))) == 10


def test_a_sum_is_made_of_what_was_summed() -> None:
    joined = node("Nested Loop", 25, BY_INDEX, WHOLE)
    assert plans.made_of(node("Sort", 2, node("Aggregate", 2, node("Sort", 25, joined)))) == 25


def test_a_query_within_another_does_not_hide_what_was_summed() -> None:
    within = node("Aggregate", 1, WHOLE, **{"Subplan Name": "SubPlan 1"})
    assert plans.made_of(node("Aggregate", 1, BY_INDEX, within)) == 30


def test_loops_count() -> None:
    assert plans.made_of({**BY_INDEX, "Actual Loops": 4}) == 120


def test_what_is_read_from_end_to_end_is_told_with_how_often() -> None:
    once = node("Hash Join", 5, WHOLE, BY_INDEX)
    often = node("Nested Loop", 5, BY_INDEX, WHOLE)
    kept = node("Nested Loop", 5, BY_INDEX, node("Materialize", 900, WHOLE))
    assert plans.read_whole(once, {"runs"}) == ["runs"]
    assert plans.read_whole(once, {"costs"}) == []
    assert [plans.read_over_and_over(p, {"runs"}) for p in (once, often, kept)] == [
        [],
        ["runs"],
        [],
    ]


def test_scans_are_named_once_each() -> None:
    plan = node("Append", 5, BY_INDEX, BY_INDEX, WHOLE)
    assert plans.scans(plan) == ["Index Scan runs_by_time", "Seq Scan runs"]


def test_pages_are_counted_in_the_cache_or_not() -> None:
    assert plans.buffers({"Shared Hit Blocks": 3, "Shared Read Blocks": 4}) == 7


def test_a_look_up_that_touches_more_than_its_rows_want_is_too_much() -> None:
    may = allowed(3)
    assert not Answer("q", [], 3, may, may, 1.0, 1.0).too_much
    assert Answer("q", [], 3, may + 1, may, 1.0, 1.0).too_much
    assert not Answer("q", [], 3, 10**6, None, 1.0, 1.0).too_much


def test_a_query_of_the_documents_is_a_look_up_where_it_is_limited() -> None:
    lookups, reports = of_documents(["SELECT 1\nLIMIT 3;\n", "SELECT 2;\n"])
    assert (list(lookups), list(reports)) == (["`SELECT 1 LIMIT 3`"], ["`SELECT 2`"])
