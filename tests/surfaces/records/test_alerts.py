"""``runfold alerts`` and what the doctor makes of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from runfold.events import topics
from runfold.events.records.alerts import AlertCleared, AlertRaised, Severity
from runfold.projections import queries
from runfold.projections.queries import Views
from runfold.surfaces.application.operations.alerts import alerts
from runfold.surfaces.cli import exits
from runfold.surfaces.cli.__main__ import run
from runfold.surfaces.doctor import alerts as doctor
from runfold.surfaces.doctor.deployment import Deployment
from runfold.surfaces.doctor.finding import Level
from tests.support.builders.stories import CODEC
from tests.surfaces.answering import AnsweringLog, answering, context_of

NOW = datetime.now(UTC)
RUNS = ("run-1", "run-2")


def raised(rule: str, severity: Severity, ago: timedelta, number: int = 1) -> AlertRaised:
    return AlertRaised(
        alert_id=f"{rule}/acme/{number}", rule=rule, subject="acme", severity=severity,
        summary="a run has waited", value="15000", threshold="14400", window_ms=0,
        raised_at=NOW - ago, run_ids=RUNS,
    )  # fmt: skip


def cleared(alert: AlertRaised, ago: timedelta) -> AlertCleared:
    return AlertCleared(
        alert_id=alert.alert_id, rule=alert.rule, subject="acme", value=None, reason="it is over",
        raised_at=alert.raised_at, cleared_at=NOW - ago,
    )  # fmt: skip


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AnsweringLog:
    """A log with two alerts that hold, one that ended lately and one long ago; no tables."""
    monkeypatch.setenv("RUNFOLD_HOME", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    hour, week = timedelta(hours=1), timedelta(days=7)
    lately, old = raised("lately", Severity.PAGE, 2 * hour), raised("old", Severity.PAGE, week)
    log = answering()
    for said in (
        raised("waits", Severity.TICKET, hour),
        old,
        cleared(old, timedelta(days=6)),
        lately,
        cleared(lately, hour),
        raised("old", Severity.PAGE, hour / 2, number=2),
        raised("old", Severity.PAGE, hour / 2, number=2),
    ):
        log.append(topics.ALERTS, CODEC.encode(topics.ALERTS, said), b"k")
    return log


def test_alerts_that_hold_come_first_and_those_cleared_lately_after_them(
    log: AnsweringLog, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["alerts", "--json"], context_of(log)) == exits.OK
    found = json.loads(capsys.readouterr().out)
    assert [(each["alert_id"], each["open"]) for each in found] == [
        ("old/acme/2", True), ("waits/acme/1", True), ("lately/acme/1", False),
    ]  # fmt: skip
    assert found[2]["cleared_because"] == "it is over"
    assert run(["alerts", "--since", "30d", "--json"], context_of(log)) == exits.OK
    assert len(json.loads(capsys.readouterr().out)) == 4
    assert run(["alerts"], context_of(log)) == exits.OK
    said = capsys.readouterr().out
    assert "page  old  acme: a run has waited" in said
    assert "value      15000, allowed 14400" in said
    assert said.endswith("2 alerts hold.\n")
    assert run(["alerts"], context_of(answering())) == exits.OK
    assert capsys.readouterr().out == "No alert holds.\n"


def test_an_alert_shows_what_its_runs_wait_for(
    log: AnsweringLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str | None] = []

    def open_approvals(_views: Views, run_id: str | None) -> list[dict[str, Any]]:
        asked.append(run_id)
        return [row("run-1.2")] if run_id == "run-1" else []

    monkeypatch.setattr(queries, "open_approvals", open_approvals)
    monkeypatch.setattr(queries, "uncertain_calls", lambda _views, _run_id: [])
    found = alerts(log, NOW - timedelta(days=1), cast("Views", object()))
    assert [wait.call_id for wait in found[0].waits_for] == ["run-1.2"]
    assert (found[0].waits_for[0].risk, found[0].waits_for[0].reversible) == (
        "external_side_effect",
        False,
    )
    assert found[2].waits_for == ()
    assert asked == [*RUNS, *RUNS]


def row(call_id: str) -> dict[str, Any]:
    return {
        "approval_id": call_id, "kind": "tool_call", "run_id": "run-1", "tenant_id": "acme",
        "user_id": "u", "agent": "clerk", "agent_version": "1.0.0", "goal": "g", "tool_name": "pay",
        "tool_version": "2.0.0", "arguments_json": {"to": "x"}, "arguments_digest": None,
        "question": "May pay run?", "options_json": None, "risk_level": 3, "effect": "money moves",
        "reversible": False, "requested_at": NOW, "deadline": None, "cost_usd": None,
        "unpriced_calls": 1, "shown_digest": "ab" * 32, "cost_so_far_usd": None,
        "approvals_needed": 2, "approvers_json": [{"id": "ann", "roles": []}], "terms_json": None,
        "step": 1, "steps": 2, "asks_json": ["role/duty"], "asks_until": NOW, "asks_text": "#ops",
    }  # fmt: skip


def test_the_doctor_names_alerts_that_hold(log: AnsweringLog) -> None:
    def look(at: AnsweringLog) -> list[tuple[Level, str]]:
        deployment = Deployment({}, at, cast("Any", None), Path())
        return [(each.level, each.what) for each in doctor.check(deployment)]

    (page, first), (ticket, second) = look(log)
    assert (page, ticket) == (Level.WRONG, Level.WARNING)
    assert first.startswith("old for acme: a run has waited (15000, allowed 14400), since ")
    assert second.startswith("waits for acme")
    assert look(answering()) == [(Level.OK, "none holds")]
