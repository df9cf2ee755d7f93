"""``tenant show`` and ``audit verify`` read the tenant's own journal."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from runfold.events import topics
from runfold.events.definitions import Definitions
from runfold.processors.definitions.record import announce
from runfold.surfaces.application.governing.definitions import read_definitions
from runfold.surfaces.application.operations.unused_budgets import with_unused
from runfold.surfaces.cli import exits
from runfold.surfaces.cli.__main__ import run
from tests.spec import START
from tests.support.builders.stories import STORIES
from tests.surfaces.answering import AnsweringLog, answering, context_of
from tests.tenant.given import TENANT, Current, World, policy

DAY = {"of": "tenant", "period": "month", "limit": "3.00"}
POLICY = policy(caps=({"of": "tenant", "running": 2},), budgets=(DAY,), run_amounts={"usd": "0.40"})


def written(*left_out: int) -> AnsweringLog:
    """A log with the journal of a tenant of which two runs run, one waits and one has ended."""
    world, log = World.opened(POLICY), answering()
    for each in world.source.rules:
        record = announce(each.definition, "ann", START)
        log.publish(topics.REGISTRY, record, f"{each.kind}/{each.definition.name}")
    # The positions of the topic are those that the decisions name.
    world.source.rules = read_definitions(log)
    for number in range(1, 5):
        world.ask(number)
    world.finish(1, "0.25")
    for at, (value, _) in enumerate(world.tenant_values()):
        if at not in left_out:
            log.append(topics.TENANT_EVENTS, value, TENANT.encode())
    return log


def test_a_tenant_is_shown_with_who_runs_and_who_waits(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tenant", "show", TENANT, "--json"], context_of(written())) == exits.OK
    said = json.loads(capsys.readouterr().out)
    assert (said["tenant"], said["policy"]) == (TENANT, "default@1.0")
    assert len(said["running"]) == 2
    assert [each["position"] for each in said["waiting"]] == [1]


def test_a_tenant_is_shown_on_the_screen(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tenant", "show", TENANT], context_of(written())) == exits.OK
    said = capsys.readouterr().out
    assert "running  2" in said
    assert "waiting  1" in said
    assert "contents not sealed" in said
    # Two runs have 0.40 each set aside; what was used before is of a month that is over.
    assert "0.8       2.2" in said
    assert "███░░░░░░░ 27%" in said


def test_who_extends_a_run_says_by_how_much(capsys: pytest.CaptureFixture[str]) -> None:
    context = context_of(written())
    assert run(["extend", "019ca945", "--usd", "much"], context) == exits.BAD_INPUT
    assert "usd is much: more is an amount above zero" in capsys.readouterr().err
    assert run(["extend", "019ca945", "--usd", "-1"], context) == exits.BAD_INPUT
    assert run(["extend", "019ca945"], context) == exits.BAD_INPUT
    assert "Say how much more" in capsys.readouterr().err
    assert run(["extend", "019ca945", "--no", "--tokens", "5"], context) == exits.USAGE


def test_a_tenant_that_is_not_there_is_not_found() -> None:
    assert run(["tenant", "show", "nobody"], context_of(answering())) == exits.NOT_FOUND


def test_a_tenants_journal_is_sound(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["audit", "verify", "--json"], context_of(written())) == exits.OK
    said = json.loads(capsys.readouterr().out)
    assert (said["sound"], said["tenants"]) == (True, 1)


def test_a_tenants_journal_that_lost_an_event_is_not_sound(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["audit", "verify"], context_of(written(2))) == exits.NO
    said = capsys.readouterr().out
    assert f"tenant {TENANT}" in said
    assert "1 tenants are not sound" in said


def test_a_switch_is_thrown_listed_and_taken_back(capsys: pytest.CaptureFixture[str]) -> None:
    context = context_of(written())
    assert run(["switch", "off", "agent/worker", "--reason", "a leak"], context) == exits.OK
    assert run(["switch", "list"], context) == exits.OK
    assert "a leak" in capsys.readouterr().out
    assert run(["switch", "off", "agent/wroker"], context) == exits.BAD_INPUT
    assert "No agent wroker is published" in capsys.readouterr().err
    assert run(["switch", "on", "agent/worker"], context) == exits.OK
    capsys.readouterr()
    run(["switch", "list"], context)
    assert "Nothing is stopped." in capsys.readouterr().out


def test_a_hold_on_a_tenant_that_nobody_knows_is_put_on_and_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    context = context_of(answering(*STORIES["completes"]))
    assert run(["tenant", "hold", "on", "acmee"], context) == exits.OK
    said = capsys.readouterr()
    assert said.out == "held: acmee\n"
    assert "Nothing is on record of a tenant acmee yet" in said.err
    assert "runfold tenant hold off acmee" in said.err
    # The hold itself makes nobody known.
    assert run(["tenant", "hold", "off", "acmee"], context) == exits.OK
    assert run(["tenant", "hold", "on", "acmee"], context) == exits.OK
    assert "Nothing is on record" in capsys.readouterr().err
    assert run(["tenant", "hold", "on", "acme"], context) == exits.OK
    assert capsys.readouterr().err == ""


def test_an_export_of_a_tenant_that_nobody_knows_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    context = context_of(answering(*STORIES["completes"]))
    folder = tmp_path / "out"
    run(["tenant", "hold", "on", "acmee"], context)
    capsys.readouterr()
    asked = ["tenant", "export", "acmee", "--to", str(folder)]
    assert run(asked, context) == exits.NOT_FOUND
    assert "no run, no definition, no key" in capsys.readouterr().err
    assert not folder.exists()


def test_budgets_that_nobody_has_used_are_listed_with_what_runs_hold_of_them() -> None:
    named = {"of": "user", "name": "ann", "period": "day", "unit": "runs", "limit": 5}
    everybody = {"of": "user", "period": "day", "limit": "1"}
    known = Current(policy(budgets=(DAY, named, everybody))).rules
    row = {"tenant_id": TENANT, "user_id": "ann", "agent": "a", "feature": None}
    running = [row | {"usd": Decimal("0.4"), "runs": 1}, row | {"tenant_id": "x", "usd": 9}]
    now = datetime(2026, 3, 9, 12, tzinfo=UTC)

    found = with_unused([], running, known, [TENANT], now)
    assert [(each.of, each.name, each.used, each.reserved, each.left) for each in found] == [
        ("tenant", "", 0, Decimal("0.4"), Decimal("2.6")),
        ("user", "ann", 0, 1, 4),
    ]
    assert found[0].ends_at == datetime(2026, 4, 1, tzinfo=UTC)
    used = found[0].model_copy(update={"used": Decimal(2)})
    again = with_unused([used], running, known, [TENANT, TENANT], now)
    assert [each.used for each in again] == [2, 0]
    assert with_unused([], running, Definitions(), [TENANT], now) == []
