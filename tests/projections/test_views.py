"""Each view is a pure function: histories in, rows out."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from runfold.events import run as j
from runfold.events.contents.content import content, json_content
from runfold.events.people.approvals import ApprovalTerms, Approver
from runfold.events.records.operations import DeadLetter, HeaderCopy
from runfold.events.values import ActorKind, ExitStatus, RunStatus
from runfold.projections.tables import (
    approvals,
    audit,
    call_checkpoints,
    checkpoints,
    costs,
    dead_letters,
    definition_decisions,
    definition_versions,
    model_calls,
    policy_decisions,
    run_events,
    run_requests,
    runs,
    tenant_budgets,
    tenant_erasures,
    tenant_runs,
    tool_calls,
)
from runfold.projections.view import Batch, PlacedDeadLetter, Row
from runfold.projections.views import VIEWS
from tests.projections.test_lines import values_of
from tests.support.builders import facts
from tests.support.builders.history import START, History
from tests.support.builders.seeded import history


def appended(view: str, batch: Batch) -> list[Row]:
    (table,) = VIEWS[view].tables
    names = [column.name for column in table.columns]
    rows = VIEWS[view].fold(batch)
    found = [values_of(line) for line in rows.lines.get(table, ())] or rows.appended[table]
    return [dict(zip(names, row, strict=True)) for row in found]


def merged(view: str, batch: Batch) -> dict[str, Row]:
    (table,) = VIEWS[view].tables
    key = next(iter(table.primary_key.columns)).name
    return {row[key]: row for row in VIEWS[view].fold(batch).merged[table]}


def a_run() -> History:
    run = History("r1").created("why?").asked_model("m1").model_said("m1", "files.read")
    return run.proposed("t1").decided("t1")


def lost(run_id: str, code: str = "history_lost", topic: str = "runs.events") -> PlacedDeadLetter:
    letter = DeadLetter(
        topic=f"{topic}/{run_id}", partition=0, offset=9, time=START, code=code,
        reason=f"{run_id} lived, and its events are gone", size=0, key=run_id.encode(),
    )  # fmt: skip
    return PlacedDeadLetter(letter, 0, 4)


def test_a_run_whose_history_is_lost_has_ended() -> None:
    batch = a_run().batch()
    batch.dead_letters += [lost("r1"), lost("r2")]
    rows = merged("runs", batch)
    ended = ("status", "completed_at", "exit_status")
    assert [rows["r1"][name] for name in ended] == ["failed", START, "failure"]
    assert json.loads(rows["r1"]["error_json"]) == {
        "error_type": "history_lost",
        "message": "r1 lived, and its events are gone",
    }
    # Of one that the views do not have there is nothing but its end: no row is made of that.
    assert "tenant_id" not in rows["r2"]


@pytest.mark.parametrize(
    "letter", [lost("r1", code="not_framed"), lost("r1", topic="orders"), lost("")]
)
def test_no_other_letter_ends_a_run(letter: PlacedDeadLetter) -> None:
    batch = a_run().batch()
    batch.dead_letters.append(letter)
    rows = merged("runs", batch)
    assert rows["r1"]["status"] != "failed"
    assert set(rows) == {"r1"}


def test_a_run_row_says_where_it_stands_what_it_used_and_how_it_ended() -> None:
    run = a_run().approved("t1").started("t1").succeeded("t1").checkpoint(1, "t1")
    (row,) = merged("runs", run.ended().batch()).values()
    assert row["status"] == "completed"
    assert (row["goal"], row["tenant_id"], row["user_id"]) == ("why?", "acme", "u1")
    assert (row["model_calls"], row["tool_calls"]) == (1, 1)
    assert (row["input_tokens"], row["output_tokens"]) == (100, 20)
    assert row["cost_usd"] == Decimal("0.0135")
    assert (row["current_step"], row["latest_checkpoint_id"]) == (1, "r1/1")
    assert (row["exit_status"], row["exit_code"]) == ("success", 0)
    assert json.loads(row["result_json"]) == {"answer": 42}
    assert json.loads(row["labels_json"]) == {"team": "core"}
    assert row["seq"] == len(run.events)
    assert row["completed_at"] == run.events[-1].meta.time
    assert "cancelled_at" not in row


@pytest.mark.parametrize(
    ("status", "ends", "at"),
    [
        (ExitStatus.FAILURE, "failed", "completed_at"),
        (ExitStatus.CANCELLED, "cancelled", "cancelled_at"),
    ],
)
def test_a_run_that_ends_badly_says_so(status: ExitStatus, ends: str, at: str) -> None:
    (row,) = merged("runs", a_run().ended(status).batch()).values()
    assert row["status"] == ends
    assert row[at] is not None
    assert row["exit_status"] == status.value


def test_an_unpriced_answer_is_counted_and_costs_nothing() -> None:
    run = History("r1").created().asked_model("m1").model_said("m1", cost=None)
    (row,) = merged("runs", run.batch()).values()
    assert row["unpriced_calls"] == 1
    assert "cost_usd" not in row
    assert [cost["cost_usd"] for cost in appended("costs", run.batch())] == [None]


def test_a_run_row_says_when_it_was_asked_for() -> None:
    run = History("r1").created()
    (row,) = merged("runs", run.batch()).values()
    fact = run.events[0].fact
    assert isinstance(fact, j.RunCreated)
    assert row["requested_at"] == fact.request.requested_at


def test_the_timeline_has_every_event_readable() -> None:
    run = a_run().approved("t1").started("t1").succeeded("t1")
    rows = appended("timeline", run.batch())
    assert [row["seq"] for row in rows] == [str(n) for n in range(1, len(run.events) + 1)]
    assert [row["type"] for row in rows] == [event.type for event in run.events]
    said = json.loads(next(row["fact"] for row in rows if row["type"] == "ToolCallSucceeded"))
    assert said["result"]["json"] == {"lines": ["eins\n", 'zwei "2" \\ \t']}
    assert said["cost"] == "0.001000000000"
    # The chain can be followed in SQL.
    assert [row["prev_hash"] for row in rows[1:]] == [row["hash"] for row in rows[:-1]]


def test_a_tool_invocation_follows_its_call() -> None:
    run = a_run().asked_person("t1").approved("t1", ActorKind.PERSON, {"path": "b"})
    (row,) = merged("tool_invocations", run.batch()).values()
    assert row["status"] == "approved"
    assert (row["approval_status"], row["decided_by"]) == ("approved", "ada")
    assert json.loads(row["arguments_json"]) == {"path": "b"}
    assert row["arguments_edited"] is True
    run.started("t1").failed_call("t1").started("t1", 2).succeeded("t1", 2).checkpoint(1, "t1")
    (row,) = merged("tool_invocations", run.batch()).values()
    assert (row["status"], row["attempt"]) == ("succeeded", 2)
    assert row["checkpoint_id"] == "r1/1"
    assert json.loads(row["error_json"])["error_type"] == "timeout"
    assert row["policy_effect"] == "permit"


def test_a_call_that_policy_let_through_needed_no_approval() -> None:
    (row,) = merged("tool_invocations", a_run().approved("t1").batch()).values()
    assert row["approval_status"] == "not_required"


def test_an_approval_waits_and_is_decided() -> None:
    run = a_run().asked_person("t1")
    assert merged("approvals", run.batch())["t1"]["status"] == "pending"
    run.add(j.ToolCallDenied(call_id="t1", reason="no", request_id="c1"), by=ActorKind.PERSON)
    row = merged("approvals", run.batch())["t1"]
    assert (row["status"], row["decided_by"], row["comment"]) == ("denied", "ada", "no")


def test_several_approvals_are_counted_with_who_gave_them() -> None:
    terms = ApprovalTerms(approvers=2, requester=False)
    asked = facts.approval_requested("t1").model_copy(
        update={"terms": terms, "shown_digest": b"\1" * 32, "cost_so_far": Decimal("0.5")}
    )
    ann, bob = Approver(id="ann", roles=("treasurer",)), Approver(id="bob")
    run = a_run().add(asked, RunStatus.WAITING_FOR_HUMAN)
    row = merged("approvals", run.batch())["t1"]
    assert (row["approvals_needed"], row["approvals_given"]) == (2, 0)
    assert row["shown_digest"] == "01" * 32
    assert row["cost_so_far_usd"] == Decimal("0.5")
    assert json.loads(row["terms_json"])["requester"] is False
    first = j.ApprovalGiven(
        call_id="t1", request_id="c1", approvers=(ann,), needed=2, arguments=json_content([1])
    )
    run.add(first, by=ActorKind.PERSON)
    row = merged("approvals", run.batch())["t1"]
    assert (row["status"], row["approvals_given"]) == ("pending", 1)
    assert json.loads(row["approvers_json"]) == [{"id": "ann", "roles": ["treasurer"]}]
    (call,) = merged("tool_invocations", run.batch()).values()
    assert (call["status"], call["arguments_json"]) == ("awaiting_approval", "[1]")
    both = j.ToolCallApproved(call_id="t1", request_id="c2", approvers=(ann, bob))
    row = merged("approvals", run.add(both, by=ActorKind.PERSON).batch())["t1"]
    assert (row["status"], row["approvals_given"]) == ("approved", 2)


def test_a_call_that_an_earlier_approval_holds_for_names_it() -> None:
    run = a_run().add(j.ToolCallApproved(call_id="t1", grant_id="c1"), by=ActorKind.POLICY)
    (row,) = merged("tool_invocations", run.batch()).values()
    assert (row["approval_status"], row["grant_id"]) == ("approved", "c1")


def test_a_question_of_an_agent_is_text() -> None:
    asked = j.HumanInputRequested(
        question_id="q", provider_call_id="p", question=json_content({"question": "Which one?"})
    )
    row = merged("approvals", a_run().add(asked, RunStatus.WAITING_FOR_HUMAN).batch())["q"]
    assert row["question"] == "Which one?"


def test_a_question_and_its_answer_are_one_row() -> None:
    rows = merged("approvals", history(0).batch())
    row = rows["run-00000.q"]
    assert (row["kind"], row["status"], row["question"]) == ("question", "answered", "Which one?")
    assert "that" in row["answer_json"]


def test_a_model_call_says_what_it_decided() -> None:
    (row,) = merged("model_calls", a_run().batch()).values()
    assert (row["status"], row["provider"]) == ("responded", "scripted")
    assert (row["decision_type"], json.loads(row["selected_tools_json"])) == (
        "tool_call",
        ["files.read"],
    )
    assert row["time_to_first_token_ms"] == 5


def test_a_cost_is_attributed_at_the_event() -> None:
    run = a_run().approved("t1").started("t1").succeeded("t1")
    model, tool = appended("costs", run.batch())
    assert (model["kind"], model["model"], model["cost_usd"]) == (
        "model",
        "scripted:triage",
        Decimal("0.0125"),
    )
    assert (tool["kind"], tool["tool"], tool["cost_usd"]) == (
        "tool",
        "files.read",
        Decimal("0.001"),
    )
    for row in (model, tool):
        assert (row["tenant_id"], row["agent"], row["feature"]) == ("acme", "triage", "logs")


def test_a_checkpoint_says_what_can_be_resumed() -> None:
    run = a_run().approved("t1").started("t1").succeeded("t1").checkpoint(1, "t1")
    (row,) = appended("checkpoints", run.batch())
    assert (row["run_id"], row["step_number"], row["safe_to_retry"]) == ("r1", 1, True)
    assert json.loads(row["tool_result_json"]) == {"t1": "06" * 32}
    assert json.loads(row["state_json"])["counters"]["cost"] == "0.010000000000"


def test_a_policy_decision_is_a_row() -> None:
    (row,) = appended("policy_decisions", a_run().batch())
    assert (row["effect"], row["call_id"], row["seq"]) == ("permit", "t1", 7)


def test_the_audit_counts_and_finds_the_chain_whole() -> None:
    run = a_run().approved("t1").started("t1")
    (row,) = merged("audit", run.batch()).values()
    assert (row["events"], row["permits"], row["forbids"], row["starts"]) == (9, 1, 0, 1)
    assert row["chain_ok"] is True
    assert row["broken_at"] is None


@pytest.mark.parametrize("what", ["edited", "missing", "swapped"])
def test_the_audit_finds_an_event_that_was_tampered_with(what: str) -> None:
    placed = a_run().placed()
    if what == "edited":
        placed[3] = placed[3]._replace(hash="00" * 32)
    elif what == "missing":
        del placed[4]
    else:
        placed[4], placed[5] = placed[5], placed[4]
    (row,) = merged("audit", Batch(events=placed)).values()
    assert row["chain_ok"] is False
    assert row["broken_at"] == {"edited": 5, "missing": 6, "swapped": 6}[what]


def test_a_dead_letter_stands_once() -> None:
    letter = DeadLetter(
        topic="runs.requests",
        partition=2,
        offset=9,
        time=START,
        code="not_framed",
        reason="no\0thing",
        size=4,
        key=b"\xff",
        value=b"\0\1\2\3",
        headers=(HeaderCopy(key="h", value=b"v"), HeaderCopy(key="n", value=None)),
    )
    batch = Batch(dead_letters=[PlacedDeadLetter(letter, 2, 0), PlacedDeadLetter(letter, 2, 1)])
    (row,) = VIEWS["dead_letters"].fold(batch).merged[dead_letters]
    assert (row["found_by"], row["code"], row["letter_offset"]) == ("engine", "not_framed", 0)
    assert row["reason"] == "no\ufffdthing"
    assert row["value_base64"] == "AAECAw=="


def test_every_row_that_is_appended_is_as_wide_as_its_table() -> None:
    batch = Batch(events=[placed for n in range(30) for placed in history(n).placed()])
    for view in VIEWS.values():
        for table, rows in view.fold(batch).appended.items():
            assert rows
            assert {len(row) for row in rows} == {len(table.columns)}


def test_every_change_names_columns_of_its_table() -> None:
    batch = Batch(events=[placed for n in range(30) for placed in history(n).placed()])
    seen = set()
    for view in VIEWS.values():
        for table, rows in view.fold(batch).merged.items():
            known = {column.name for column in table.columns} | set(table.info.get("carried", ()))
            for row in rows:
                assert set(row) <= known
                seen.add(table.name)
    assert seen == {"runs", "tool_calls", "model_calls", "approvals", "audit"}


def test_folding_changes_nothing_of_what_it_is_given() -> None:
    batch = history(1).batch()
    before = replace(batch, events=list(batch.events))
    first: list[Any] = [view.fold(batch) for view in VIEWS.values()]
    assert batch == before
    assert [view.fold(batch) for view in VIEWS.values()] == first


def test_every_table_belongs_to_one_view() -> None:
    tables = [table for view in VIEWS.values() for table in view.tables]
    assert set(tables) == {
        approvals, audit, call_checkpoints, checkpoints, costs, dead_letters, definition_decisions,
        definition_versions, model_calls,
        policy_decisions, run_events, run_requests, runs, tenant_budgets, tenant_erasures,
        tenant_runs, tool_calls,
    }  # fmt: skip
    assert len(tables) == len(set(tables))


def test_large_and_foreign_contents_are_named_but_not_shown() -> None:
    run = a_run().approved("t1").started("t1")
    binary = content(b"\x89PNG\0", "image/png")
    run.succeeded("t1", result={"n": 1})
    fact = run.events[-1].fact
    placed = run.placed()
    placed[-1] = placed[-1]._replace(fact=fact.model_copy(update={"result": binary}))
    (row,) = merged("tool_invocations", Batch(events=placed)).values()
    assert json.loads(row["result_json"])["base64"] == "iVBORwA="
    sealed = json_content({"secret": 1}).model_copy(update={"key_id": "k1"})
    placed[-1] = placed[-1]._replace(fact=fact.model_copy(update={"result": sealed}))
    (row,) = merged("tool_invocations", Batch(events=placed)).values()
    assert "secret" not in row["result_json"]
