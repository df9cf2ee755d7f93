"""What whoever approves a call is shown of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from runfold.surfaces.application.shapes import Approval
from runfold.surfaces.cli.runs.approvals import show_approvals

AT = datetime(2026, 5, 31, 12, tzinfo=UTC)


def approval(**other: Any) -> Approval:
    fields: dict[str, Any] = {
        "approval_id": "0198c1f2-7d3e-7a41-8000-000000000000.2", "kind": "tool_call",
        "call_id": "0198c1f2-7d3e-7a41-8000-000000000000.2", "run_id": "r", "tenant_id": "acme",
        "user_id": "ada", "agent": "clerk", "agent_version": "1.2.0", "goal": "Refund\nthem",
        "tool": "refund.pay", "tool_version": "2.0.0", "arguments": {"amount": 40, "to": "x" * 900},
        "arguments_digest": None, "question": "May refund.pay run?", "options": None,
        "risk_level": 3, "risk": "external_side_effect", "effect": "sends money",
        "reversible": False, "requested_at": AT, "deadline": AT + timedelta(hours=1),
        "cost_usd": Decimal("0.0125"), "unpriced_calls": 0,
    }  # fmt: skip
    return Approval(**fields | other)


def test_all_that_a_decision_needs_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    show_approvals([approval()], json=False)
    said = capsys.readouterr().out
    head, *lines = said.splitlines()
    shown = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines}
    assert head == "0198c1f2-7d3e-7a41.2  May refund.pay run?"
    assert shown["tool"] == "refund.pay@2.0.0"
    assert shown["arguments"].startswith('{"amount":40,"to":"xxx')
    assert len(shown["arguments"]) == 600
    assert shown["effect"] == "sends money (risk 3 external_side_effect; CANNOT be undone)"
    assert shown["agent"] == "clerk 1.2.0 for ada of acme"
    assert shown["goal"] == "Refund them"
    assert shown["cost"] == "$0.0125 so far"
    assert shown["since"].count("2026-0") == 2
    assert shown["decide"].startswith("runfold approve 0198c1f2-7d3e-7a41.2")


def test_what_is_not_known_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    unknown = approval(effect=None, reversible=None, risk=None, cost_usd=None, unpriced_calls=2)
    show_approvals([unknown], json=False)
    said = capsys.readouterr().out
    assert "its contract does not say (risk not known; not said whether undoable)" in said
    assert "unpriced so far" in said


def test_programs_are_given_the_arguments_whole(capsys: pytest.CaptureFixture[str]) -> None:
    show_approvals([approval()], json=True)
    (row,) = json.loads(capsys.readouterr().out)
    assert len(row["arguments"]["to"]) == 900
    assert (row["effect"], row["reversible"], row["agent_version"]) == (
        "sends money",
        False,
        "1.2.0",
    )


def test_a_question_has_its_options_and_no_effect(capsys: pytest.CaptureFixture[str]) -> None:
    asks = approval(kind="question", tool=None, arguments=None, options=["a", "b"])
    show_approvals([asks], json=False)
    said = capsys.readouterr().out
    assert 'options    ["a","b"]' in said
    assert "effect" not in said
    assert "runfold answer" in said


def test_what_was_shown_who_approved_and_for_what_it_may_hold_is_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    two = approval(
        shown_digest="ab12" * 16, approvals_needed=2, approved_by=("ann",),
        terms={"approvers": 2, "requester": False}, may_hold_for=("once", "run", "tool", "pattern"),
    )  # fmt: skip
    show_approvals([two], json=False)
    said = capsys.readouterr().out
    assert "  approved   1 of 2, by ann; not by ada" in said
    assert "--for: run, tool, pattern" in said
    assert f"  digest     {'ab12' * 16}" in said
    call = "0198c1f2-7d3e-7a41.2 --digest ab12ab12ab12"
    assert f"runfold approve {call}, or runfold deny {call} --reason 'WHY'" in said
