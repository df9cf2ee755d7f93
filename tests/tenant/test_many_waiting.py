"""Thousands that wait cost a decision little where they are alike, and it is the same decision."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runfold.events import tenant as t
from runfold.events.definitions import TenantPolicy
from runfold.processors.engine.aggregate import Command, Env
from runfold.processors.tenant import admitting
from runfold.processors.tenant.decide import REVIEW, decide
from runfold.processors.tenant.state import Tenant
from runfold.processors.tenant.use import Hold, Use
from tests.spec import START
from tests.tenant.given import Current, policy

NOW = START + timedelta(seconds=1)


def asks(run_id: str, user: str = "spammer", **more: Any) -> t.Asks:
    return t.Asks(run_id=run_id, user_id=user, agent="worker", **more)


def queued(each: t.Asks, number: int) -> t.Waiting:
    return t.Waiting(asks=each, number=number, start=number, finish=number + 10, since=START)


def runs(each: t.Asks, *amounts: t.Amount) -> t.Admission:
    return t.Admission(asks=each, reserved=amounts, since=START)


def decided(state: Tenant, rules: TenantPolicy, body: Any) -> list[t.TenantFact]:
    steps = decide(state, Command(body), Env(NOW, Current(rules).rules))
    return [fact for fact, _ in steps]  # type: ignore[misc]


ASKED = t.AdmissionAsked(tenant_id="acme", asks=asks("new", "anna"))
BACK = t.RunReturned(
    tenant_id="acme", run_id="first", spent=Decimal(0), tokens=0, tool_calls=0
)  # fmt: skip


@pytest.mark.parametrize("what", ["asked", "returned", "review"])
def test_of_many_that_are_alike_one_is_looked_at(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = policy(caps=({"of": "user", "running": 1},), queue_size=10_000)
    queue = tuple(queued(asks(f"r{number}"), number) for number in range(2_000))
    # Somebody else's run makes room for nobody of them.
    live = {"first": runs(asks("first", "ben")), "held": runs(asks("held"))}
    state = Tenant("acme", waiting=queue, running=live, arrivals=len(queue))
    looked = 0
    holds = Use.holds

    def counted(use: Use, *given: Any) -> Iterator[Hold]:
        nonlocal looked
        looked += 1
        return holds(use, *given)

    monkeypatch.setattr(Use, "holds", counted)
    due = admitting.Timer(NOW, REVIEW, "acme")
    body = {"asked": ASKED, "returned": BACK, "review": due}[what]
    assert decided(state, rules, body)
    assert looked < 10


_ASKS = st.builds(
    lambda user, feature, cost: {"user": user, "feature": feature, "max_cost": cost},
    st.sampled_from("abc"),
    st.sampled_from([None, "f"]),
    st.sampled_from([None, Decimal("0.3"), Decimal(2)]),
)
_POLICIES = st.builds(
    lambda caps, budgets, rates: policy(
        caps=caps, budgets=budgets, rates=rates, run_amounts={"usd": "0.5"}
    ),
    st.lists(
        st.builds(
            lambda of, running: {"of": of, "running": running},
            st.sampled_from(["tenant", "user", "feature"]),
            st.integers(1, 6),
        ),
        max_size=2,
    ),
    st.lists(
        st.builds(
            lambda of, limit, refuse: {
                "of": of, "period": "day", "limit": limit,
                "when_spent": "refuse" if refuse else "queue",
            },
            st.sampled_from(["tenant", "user", "feature"]),
            st.sampled_from(["0.4", "1", "3"]),
            st.booleans(),
        ),
        max_size=2,
    ),
    st.lists(
        st.builds(
            lambda of, burst: {"of": of, "per": "minute", "runs": 5, "burst": burst},
            st.sampled_from(["tenant", "user"]),
            st.integers(1, 4),
        ),
        max_size=1,
    ),
)  # fmt: skip


@given(_POLICIES, st.lists(_ASKS, max_size=12), st.lists(_ASKS, max_size=3), st.booleans())
def test_what_is_decided_is_the_same_as_where_each_is_looked_at(
    rules: TenantPolicy, waiting: list[Any], live: list[Any], review: bool
) -> None:
    queue = tuple(queued(asks(f"q{n}", **each), n) for n, each in enumerate(waiting))
    running = {f"l{n}": runs(asks(f"l{n}", **each)) for n, each in enumerate(live)}
    running["first"] = runs(asks("first"), t.Amount(unit="usd", amount=Decimal("0.5")))
    state = Tenant("acme", waiting=queue, running=running, arrivals=len(queue))
    body = admitting.Timer(NOW, REVIEW, "acme") if review else BACK
    found = decided(state, rules, body)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(admitting, "likeness", lambda each: (each.run_id,))
        assert decided(state, rules, body) == found
