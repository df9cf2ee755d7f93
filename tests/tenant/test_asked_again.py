"""A run that asks for more once more is answered as it was: nothing is set aside twice."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runfold.events import topics
from runfold.events.base import Fact
from runfold.events.definitions import Definitions
from runfold.events.tenant import (
    AdmissionAsked,
    AdmissionGranted,
    Amount,
    Asks,
    BooksOpened,
    ExtensionAnswered,
    ExtensionAsked,
    ExtensionDeclined,
    ReservationExtended,
    RunReturned,
    TenantEvent,
    TenantMeta,
)
from runfold.events.values import Actor, ActorKind
from runfold.processors.engine.aggregate import Command, Env
from runfold.processors.tenant import answers, draft
from runfold.processors.tenant.aggregate import TENANTS
from runfold.processors.tenant.behaviour import ANSWERS_KEPT, CURRENT, FIRST
from runfold.processors.tenant.decide import conclude, decide
from runfold.processors.tenant.replay import difference
from runfold.processors.tenant.state import Tenant
from tests.deciders.given import TENANT
from tests.spec import START
from tests.tenant.given import policy

RULES = Definitions().plus(
    "tenant_policy",
    policy(budgets=({"of": "tenant", "period": "day", "limit": "5.00"},)).body(),
    1,
)
ENV = Env(START, RULES)


class Told:
    """A tenant as it is told one thing after another, and what it answered to whom."""

    def __init__(self, begins_with: int = CURRENT) -> None:
        self.state: Tenant | None = None
        self.decisions: list[tuple[Tenant | None, list[Fact]]] = []
        self._decide = partial(decide, begins_with=begins_with)

    def hear(self, message: Any) -> list[Fact]:
        before, steps = self.state, self._decide(self.state, Command(message), ENV)
        facts = [fact for fact, _ in steps]
        if steps:
            self.state = steps[-1][1]
            self.decisions.append((before, facts))
        return facts

    def admit(self, run: str = "r1", usd: str = "1.00") -> list[Fact]:
        asks = Asks(run_id=run, user_id="ann", agent="worker", max_cost=Decimal(usd))
        return self.hear(AdmissionAsked(tenant_id=TENANT, asks=asks))

    def ask(self, name: str, usd: str = "0.50", run: str = "r1") -> list[Fact]:
        return self.hear(asked(name, usd, run))

    def held(self) -> Decimal:
        """Return all the money that is set aside."""
        assert self.state is not None
        runs = self.state.running.values()
        return sum((a.amount for r in runs for a in r.reserved if a.unit == "usd"), Decimal(0))


def asked(name: str, usd: str = "0.50", run: str = "r1") -> ExtensionAsked:
    added = (Amount(unit="usd", amount=Decimal(usd)),)
    return ExtensionAsked(tenant_id=TENANT, run_id=run, extension_id=name, added=added)


def sent(facts: Sequence[Fact]) -> list[ExtensionAnswered]:
    """Return what runs are told of facts."""
    meta: Any = None
    made = [
        send
        for f in facts
        if type(f) in TENANTS.outbox
        for send in TENANTS.outbox[type(f)](meta, f)
    ]
    assert all(send.topic == topics.RESULTS for send in made)
    return [send.record for send in made if isinstance(send.record, ExtensionAnswered)]


def test_what_was_set_aside_is_not_set_aside_once_more_and_the_run_is_told_the_same() -> None:
    tenant = Told()
    tenant.admit()
    first = tenant.ask("more")
    assert tenant.held() == Decimal("1.50")
    (again,) = tenant.ask("more", usd="2.00")
    assert isinstance(again, ReservationExtended)
    assert again.again
    assert tenant.held() == Decimal("1.50")
    assert sent([again]) == sent(first)
    assert tenant.ask("other")
    assert tenant.held() == Decimal("2.00")


def test_what_was_declined_is_declined_though_there_is_room_by_now() -> None:
    tenant = Told()
    tenant.admit()
    tenant.admit("r2", "3.60")
    first = tenant.ask("more")
    assert isinstance(first[0], ExtensionDeclined)
    tenant.hear(
        RunReturned(tenant_id=TENANT, run_id="r2", spent=Decimal(0), tokens=0, tool_calls=0)
    )
    assert sent(tenant.ask("more")) == sent(first)
    assert tenant.held() == Decimal("1.00")
    assert isinstance(tenant.ask("another")[0], ReservationExtended)


def test_a_run_is_given_more_so_many_times_and_then_told_so() -> None:
    tenant = Told()
    tenant.admit()
    names = [f"more-{n}" for n in range(answers.MOST_GIVEN)]
    for name in names:
        assert isinstance(tenant.ask(name, "0.01")[-1], ReservationExtended)
    held = tenant.held()
    declined = tenant.ask("one more", "0.01")[0]
    assert isinstance(declined, ExtensionDeclined)
    assert declined.code == "too_many_extensions"
    for name in [*names, "one more"]:
        tenant.ask(name, "0.01")
    assert tenant.held() == held


def test_of_what_was_declined_the_newest_answers_are_kept() -> None:
    tenant = Told()
    tenant.admit()
    for n in range(answers.MOST_DECLINED + 20):
        tenant.ask(f"no-{n}", "9.00")
    tenant.ask("yes")
    assert tenant.state is not None
    kept = [each.extension_id for each in tenant.state.running["r1"].answered]
    assert kept == [*(f"no-{n}" for n in range(20, answers.MOST_DECLINED + 20)), "yes"]


def test_a_bug_in_the_decision_does_not_take_back_what_was_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tenant = Told()
    tenant.admit()
    first = tenant.ask("more")
    steps = conclude(tenant.state, Command(asked("more")), ENV, "ValueError", last=False)
    assert steps is not None
    assert sent([fact for fact, _ in steps]) == sent(first)


def test_answers_are_kept_over_a_period_of_the_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draft, "ENTRIES", 4)
    tenant = Told()
    tenant.admit()
    for n in range(12):
        tenant.ask(f"more-{n}", "0.10")
    opened = [f for _, facts in tenant.decisions for f in facts if isinstance(f, BooksOpened)]
    assert len(opened) > 2
    held = tenant.held()
    for n in range(12):
        tenant.ask(f"more-{n}", "0.10")
    assert tenant.held() == held


_RUNS = st.sampled_from("ab")
_MESSAGES = st.one_of(
    st.tuples(st.just("ask"), _RUNS, st.integers(0, 5), st.sampled_from(("0.30", "1.70"))),
    st.tuples(st.just("again"), st.integers(0, 40)),
    st.tuples(st.just("back"), _RUNS),
    st.tuples(st.just("come"), _RUNS),
)


@given(st.lists(_MESSAGES, max_size=40))
def test_money_is_conserved_whatever_is_asked_again_or_late(
    messages: list[tuple[Any, ...]],
) -> None:
    """What is set aside is what each run was admitted with and was given, each ask counted once.

    A run that comes while the others hold the budget waits, and is admitted when one returns.
    """
    tenant, asks = Told(), list[ExtensionAsked]()
    lives = {"a": 0, "b": 0}
    given: dict[str, dict[str, ExtensionAnswered]] = {}
    for kind, *more in messages:
        if kind == "come":
            given |= _admitted(tenant.admit(_life(lives, more[0])))
        elif kind == "back":
            run = _life(lives, more[0])
            back = {"spent": Decimal("0.10"), "tokens": 1, "tool_calls": 0}
            given |= _admitted(tenant.hear(RunReturned(tenant_id=TENANT, run_id=run, **back)))
            given.pop(run, None)
            lives[more[0]] += 1
        elif kind == "ask" or asks:
            one = asked(f"x{more[1]}", more[2], _life(lives, more[0])) if kind == "ask" else None
            one = one or asks[more[0] % len(asks)]
            asks.append(one)
            for said in sent(tenant.hear(one)):
                if said.run_id not in given:
                    assert said.code == "not_admitted"
                    continue
                before = given[said.run_id].setdefault(said.extension_id, said)
                assert said == before
        if tenant.state is not None:
            assert tenant.held() == _expected(given)
            assert set(tenant.state.running) == set(given)


def _admitted(facts: Sequence[Fact]) -> dict[str, dict[str, ExtensionAnswered]]:
    granted = (fact for fact in facts if isinstance(fact, AdmissionGranted))
    return {fact.admission.asks.run_id: {} for fact in granted}


def _life(lives: dict[str, int], name: str) -> str:
    """A run's id is taken once: who comes after it has ended is another run."""
    return f"{name}{lives[name]}"


def _expected(given: dict[str, dict[str, ExtensionAnswered]]) -> Decimal:
    added = [
        each.amount
        for run in given.values()
        for said in run.values()
        if said.verdict == "granted"
        for each in said.added
    ]
    return Decimal(len(given)) + sum(added, Decimal(0))


@pytest.mark.parametrize("behaviour", range(FIRST, CURRENT + 1))
def test_every_decision_of_a_journal_is_made_again_as_its_period_made_it(behaviour: int) -> None:
    tenant = Told(behaviour)
    tenant.admit()
    for name in ("more", "more", "too much", "more"):
        tenant.ask(name, "9.00" if name == "too much" else "0.50")
    twice = behaviour < ANSWERS_KEPT
    assert tenant.held() == Decimal("2.50" if twice else "1.50")
    for before, facts in tenant.decisions:
        assert difference(before, [_event(fact) for fact in facts], RULES) is None


def _event(fact: Fact) -> TenantEvent:
    meta = TenantMeta(
        tenant_id=TENANT,
        seq=1,
        time=START,
        status="open",  # type: ignore[arg-type] # as it is on the wire
        cause="tenants.requests/0/0",
        actor=Actor(kind=ActorKind.SYSTEM, id="tenant-processor"),
        traceparent="",
        prev_hash=b"",
        definitions=1,
    )
    return TenantEvent(meta, fact)
