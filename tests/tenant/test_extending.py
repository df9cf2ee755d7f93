"""More for a run that goes on: set aside by its tenant, or refused, or given by a person."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from runfold.events import run as j
from runfold.events import tenant as t
from runfold.events.values import Limits, RunStatus
from tests.tenant.given import World, policy
from tests.tenant.judging import faults

DAY = {"of": "tenant", "period": "day", "limit": "1.00"}
MORE = {"usd": "0.30"}


def budgeted(*budgets: dict[str, Any], agent: dict[str, Any] | None = None, **more: Any) -> World:
    amounts = {"usd": "0.40", "tokens": 1000, "tool_calls": 5}
    chosen = policy(budgets=budgets or (DAY,), run_amounts=amounts, **more)
    return World.opened(chosen, **(agent or {}))


def spent(**when: Any) -> dict[str, Any]:
    return {"when_spent": when}


def test_a_person_extends_a_run_and_the_tenant_sets_it_aside() -> None:
    world = budgeted()
    world.ask(1)
    world.extend(1, usd="0.123456789012")
    assert world.names(1)[-2:] == ["ExtensionRequested", "RunExtended"]
    assert world.limits(1).max_cost == Decimal("0.523456789012")
    assert world.tenant().running[world.ids[1]].reserved[0].amount == Decimal("0.523456789012")
    world.finish(1, "0.5")
    assert world.tenant().running == {}
    assert faults(world) == []


def test_what_a_run_asks_once_more_is_set_aside_once_and_answered_the_same() -> None:
    world = budgeted()
    world.ask(1)
    world.extend(1, usd="0.30")
    world.ask_for_more_again(0)
    again = world.facts()[-1]
    assert isinstance(again, t.ReservationExtended)
    assert again.again
    assert world.tenant().running[world.ids[1]].reserved[0].amount == Decimal("0.70")
    assert world.limits(1).max_cost == Decimal("0.70")
    assert faults(world) == []


def test_what_the_budget_has_no_room_for_is_refused_and_the_run_goes_on() -> None:
    world = budgeted()
    world.ask(1)
    world.ask(2)
    world.extend(1, usd="0.200000000001")
    refused = world.last(1, j.ExtensionRefused)
    assert refused.code == "budget_spent"
    assert refused.retry_after_ms == 12 * 3_600_000
    assert '"left":"0.2"' in refused.reason
    assert world.limits(1).max_cost == Decimal("0.40")
    world.extend(1, "less", usd="0.20")
    assert world.limits(1).max_cost == Decimal("0.60")
    world.finish(1)
    assert world.names(1)[-1] == "RunCompleted"
    assert faults(world) == []


def test_one_that_goes_on_comes_before_those_that_wait() -> None:
    world = budgeted()
    for number in (1, 2, 3):
        world.ask(number)
    assert world.states()["queued"] == [3]
    world.extend(1, usd="0.20")
    world.finish(2, "0")
    assert world.states()["queued"] == []
    assert world.limits(1).max_cost == Decimal("0.60")


def test_without_a_tenant_a_person_s_word_is_enough() -> None:
    world = World.opened(limits=Limits(max_cost=Decimal("0.40"), max_identical_calls=3))
    world.ask(1)
    world.extend(1, usd="2.00")
    asked = world.last(1, j.ExtensionRequested)
    assert (asked.asks_tenant, asked.reason) == (False, "worth it")
    assert world.events(1)[-1].meta.actor.id == "ann"
    assert world.limits(1).max_cost == Decimal("2.40")
    assert world.facts() == []
    assert faults(world) == []


@pytest.mark.parametrize(
    ("units", "said"),
    [
        ({}, "nothing_added"),
        ({"usd": "0"}, "bad_extension"),
        ({"usd": "-1"}, "bad_extension"),
        ({"usd": "1000000000001"}, "bad_extension"),
        ({"tool_calls": "1.5"}, "not_whole"),
        ({"EUR": "1"}, "unknown_unit"),
        ({"tokens": "5"}, "without_limit"),
    ],
)
def test_what_cannot_be_meant_is_on_record(units: dict[str, str], said: str) -> None:
    world = World.opened(limits=Limits(max_cost=Decimal("0.40"), max_tool_calls=3))
    world.ask(1)
    world.extend(1, **units)
    assert f"runfold:{said}" in world.last(1, j.RequestIgnored).reason
    assert faults(world) == []


def test_a_run_that_has_not_begun_is_not_extended() -> None:
    world = budgeted({**DAY, "limit": "0.40"})
    world.ask(1)
    world.ask(2)
    world.extend(2, usd="0.10")
    assert "not_begun" in world.last(2, j.RequestIgnored).reason
    assert faults(world) == []


def test_a_run_that_would_end_for_its_limit_waits_for_a_person() -> None:
    world = budgeted(agent=spent(action="ask", more={"usd": "0.50"}))
    world.ask(1)
    world.answered(1, "0.30")
    waits = world.last(1, j.ExtensionAwaited)
    assert (waits.limit, waits.allowed) == ("max_cost", "0.400000000000")
    assert [each.amount for each in waits.suggested] == [Decimal("0.50")]
    assert world.events(1)[-1].meta.status is RunStatus.WAITING_FOR_HUMAN
    world.pass_time(30 * 86_400)
    assert world.states()["running"] == [1]
    world.extend(1, usd="0.50")
    assert world.names(1)[-1] == "ModelCalled"
    world.finish(1, "0.30")
    assert world.names(1)[-1] == "RunCompleted"
    assert faults(world) == []


def test_a_person_lets_it_end() -> None:
    world = budgeted(agent=spent(action="ask"))
    world.ask(1)
    world.deny_extension(1)
    assert "not_awaiting_extension" in world.last(1, j.RequestIgnored).reason
    world.answered(1, "0.30")
    world.deny_extension(1, "now")
    names = ["ExtensionRefused", "LimitReached", "RunSettled", "RunFailed"]
    assert world.names(1)[-4:] == names
    assert world.last(1, j.RunFailed).exit.exit_code == 3
    assert world.tenant().running == {}
    assert faults(world) == []


def test_a_refusal_leaves_it_waiting() -> None:
    world = budgeted({**DAY, "limit": "0.40"}, agent=spent(action="ask"))
    world.ask(1)
    world.answered(1, "0.30")
    world.extend(1, usd="0.50")
    assert world.last(1, j.ExtensionRefused).code == "above_budget"
    assert world.states()["running"] == [1]
    world.cancel(1)
    assert world.states()["ended"] == [1]
    assert faults(world) == []


def test_too_little_has_it_wait_again() -> None:
    world = budgeted(agent=spent(action="ask"))
    world.ask(1)
    world.answered(1, "0.30")
    world.extend(1, usd="0.01")
    assert world.names(1).count("ExtensionAwaited") == 2
    assert faults(world) == []


def test_a_run_asks_its_tenant_by_itself_as_often_as_its_agent_says() -> None:
    world = budgeted(agent=spent(action="extend", more=MORE, times=1))
    world.ask(1)
    world.answered(1, "0.30")
    asked = world.last(1, j.ExtensionRequested)
    assert (asked.limit, asked.request_id) == ("max_cost", None)
    assert world.limits(1).max_cost == Decimal("0.70")
    world.answered(1, "0.30")
    assert world.names(1)[-3:] == ["LimitReached", "RunSettled", "RunFailed"]
    assert faults(world) == []


def test_a_run_that_its_tenant_gives_no_more_ends() -> None:
    world = budgeted({**DAY, "limit": "0.50"}, agent=spent(action="extend", more=MORE))
    world.ask(1)
    world.answered(1, "0.30")
    names = ["ExtensionRefused", "LimitReached", "RunSettled", "RunFailed"]
    assert world.names(1)[-4:] == names
    assert faults(world) == []


def test_a_policy_may_have_every_run_wait() -> None:
    world = budgeted(when_run_spent="ask")
    world.ask(1)
    world.answered(1, "0.30")
    assert world.names(1)[-1] == "ExtensionAwaited"
    assert faults(world) == []


def test_a_tenant_that_does_not_know_the_run_declines() -> None:
    world = budgeted()
    world.ask(1)
    world.source.publish(policy("2.0"))
    tenant = next(lane for lane in world.tenants if lane.partition_state.live)
    body = t.ExtensionAsked(
        tenant_id="acme", run_id="nobody", extension_id="e", added=(t.Amount(unit="usd", amount=1),)
    )
    world._put("tenants.requests", "acme", body)
    world.settle()
    assert tenant.partition_state.live
    assert [f.code for f in world.facts() if isinstance(f, t.ExtensionDeclined)] == ["not_admitted"]
    assert world.dead_letters() == []


@pytest.mark.parametrize("verdict", [t.Verdict.UNKNOWN])
def test_an_answer_of_a_newer_tenant_has_an_outcome(verdict: t.Verdict) -> None:
    world = budgeted()
    world.ask(1)
    world.ask(2)
    world.ask(3)
    answer = t.AdmissionAnswered(run_id=world.ids[3], verdict=verdict, code="later")
    world._put("runs.results", world.ids[3], answer)
    world.settle()
    assert world.names(3)[-2:] == ["RunSettled", "RunFailed"]
    assert world.last(3, j.RunFailed).error.error_type == "unknown_answer"
    assert world.states() == {"running": [1, 2], "queued": [], "ended": [3]}
    assert world.tenant().waiting == ()
    assert world.dead_letters() == []
    assert faults(world) == []


def test_an_answer_about_more_of_a_newer_tenant_has_an_outcome(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = budgeted()
    world.ask(1)
    body = {"run_id": world.ids[1], "extension_id": "more-1", "verdict": t.Verdict.UNKNOWN}
    lane = next(lane for lane in world.tenants if lane.partition_state.live)
    monkeypatch.setattr(lane, "settle", lambda: False)
    world.extend(1, usd="0.10")
    world._put("runs.results", world.ids[1], t.ExtensionAnswered.model_validate(body))
    world.settle()
    assert world.last(1, j.ExtensionRefused).code == "unknown_answer"
    assert world.dead_letters() == []
    monkeypatch.undo()
    world.settle()
    # What it would have given comes too late: it was answered.
    assert world.limits(1).max_cost == Decimal("0.40")
    assert [fault for fault in faults(world) if "chain" in fault] == []
