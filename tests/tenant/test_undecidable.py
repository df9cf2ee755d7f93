"""What a policy that came from outside breaks holds no run up, and keeps no place."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from runfold.events import run as j
from runfold.events import tenant as t
from runfold.processors.tenant import books, order
from tests.tenant.given import World, capped, policy


def breaks(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError


def test_a_question_that_cannot_be_decided_refuses_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World.opened(capped(2))
    monkeypatch.setattr("runfold.processors.tenant.admitting.place_of", breaks)
    world.ask(1)
    failed = world.events(1)[-1].fact
    assert isinstance(failed, j.RunFailed)
    assert failed.error.error_type == "undecidable"
    assert world.tenant().running == {}
    assert world.dead_letters() == []
    assert order.place_of is not breaks


def test_a_return_that_cannot_be_booked_makes_room_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World.opened(capped(1))
    world.ask(1)
    world.ask(2)
    monkeypatch.setattr(books, "_books", breaks)
    world.finish(1)
    monkeypatch.undo()
    world.ask(3)
    assert world.states()["running"] == [2]
    returned = [fact for fact in world.facts() if isinstance(fact, t.AdmissionReturned)]
    assert [fact.books for fact in returned] == [()]
    assert world.dead_letters() == []


@pytest.mark.parametrize(
    "given",
    [
        {"user_weights": {"bob": 0}},
        {"agent_weights": {"clerk": 1001}},
        {"queue_timeout_ms": 10**15},
        {"budgets": ({"of": "tenant", "period": "day", "limit": "1e30"},)},
        {"budgets": ({"of": "tenant", "period": "day", "limit": 5, "soft": "1e30"},)},
        {"run_amounts": {"usd": "1e30"}},
        {"run_amounts": {"tokens": 10**13}},
    ],
)
def test_no_policy_holds_what_a_tenant_could_not_decide_by(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        policy(**given)
