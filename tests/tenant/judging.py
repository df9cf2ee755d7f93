"""What must be true of a tenant and its runs, whatever happened to them."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from decimal import Decimal

from runfold.events.definitions import TenantPolicy
from runfold.events.tenant import (
    AdmissionGranted,
    AdmissionRefused,
    AdmissionReturned,
    Asks,
    LateCostBooked,
    ReservationExtended,
)
from runfold.events.values import ExitUsage
from runfold.processors.tenant.evolve import evolve
from runfold.processors.tenant.rules.pacing import rules
from runfold.processors.tenant.rules.retries import RETRIES, left
from runfold.processors.tenant.state import PaceKey, Tenant
from runfold.processors.tenant.use import Use, book_key, concerns, whose
from runfold.surfaces.audit.definitions import DefinitionHistory
from runfold.surfaces.audit.tenants import TenantVerifier
from runfold.surfaces.audit.verifier import Verifier
from tests.tenant.given import TENANT, World

_ENDS = {"RunCompleted", "RunFailed", "RunCancelled"}


class Known(DefinitionHistory):
    """The definitions of a world by position."""

    def __init__(self, world: World) -> None:
        self._rules = world.source.rules

    def at(self, position: int):  # type: ignore[no-untyped-def]
        return self._rules.at(position)


def faults(world: World) -> list[str]:
    """Return what contradicts that no cap and no budget was ever exceeded, and all adds up."""
    return [*_audited(world), *_admitted(world), *_answered(world)]


def _audited(world: World) -> list[str]:
    history = Known(world)
    tenant = TenantVerifier(TENANT, history)
    for value, event in world.tenant_values():
        tenant.take(value, event)
    found = [fault.reason for fault in tenant.verdict().faults]
    for number, name in world.ids.items():
        verifier = Verifier(name, history)
        events = world.values(number)
        for value, told in events:
            verifier.take(value, told)
        end = events[-1][1] if events[-1][1].type in _ENDS else None
        found += [fault.reason for fault in verifier.verdict(end).faults]
    return found


def _admitted(world: World) -> list[str]:
    """At each grant there was room, by the policy of that moment."""
    found: list[str] = []
    state: Tenant | None = None
    for event in world.tenant_events():
        before, fact, meta = state, event.fact, event.meta
        state = evolve(state, fact, meta.time)
        policy = world.source.rules.at(meta.definitions).tenant_policy(TENANT)
        if any(book.used < 0 for book in state.books.values()):
            found.append(f"{meta.seq}: a book is below zero")
        held = [amount for run in state.running.values() for amount in run.reserved]
        if any(amount.amount < 0 for amount in held):
            found.append(f"{meta.seq}: less than nothing is set aside")
        if isinstance(fact, ReservationExtended) and policy is not None and before is not None:
            found += _extended(before, state, fact, policy, meta.time)
        if not isinstance(fact, AdmissionGranted) or policy is None or before is None:
            continue
        asks, use = fact.admission.asks, Use(state, meta.time)
        found += [
            f"{meta.seq}: {pace.rule} lets nobody begin before {pace.free}"
            for key, pace in before.paces.items()
            if pace.free > meta.time and key in _rates_of(policy, asks)
        ]
        if (left_ := left(Use(before, meta.time), policy)) is not None:
            given = sum(each.amount for each in fact.admission.reserved if each.unit == RETRIES)
            if given > left_:
                found.append(f"{meta.seq}: {given} retries are given, {left_} are left")
        for cap in policy.caps:
            mine = [
                each
                for each in state.running.values()
                if whose(cap.of, each.asks) == whose(cap.of, asks)
            ]
            if concerns(cap, asks) and len(mine) > cap.running:
                found.append(f"{meta.seq}: {len(mine)} run, the cap is {cap.running}")
        found += [
            f"{meta.seq}: more is committed than {budget.limit}"
            for budget in policy.budgets
            if concerns(budget, asks) and use.committed(book_key(budget, asks)) > budget.limit
        ]
    return found


def _extended(
    before: Tenant, state: Tenant, fact: ReservationExtended, policy: TenantPolicy, at: datetime
) -> list[str]:
    """An extension leaves every book that counts the run within its limit, and adds up."""
    had = {each.unit: each.amount for each in before.running[fact.run_id].reserved}
    more = {} if fact.again else {each.unit: each.amount for each in fact.added}
    has = {each.unit: each.amount for each in fact.reserved}
    found = []
    if has != {unit: had.get(unit, 0) + more.get(unit, 0) for unit in had | more}:
        found.append(f"{fact.extension_id}: {had} and {more} are not {has}")
    asks, use = state.running[fact.run_id].asks, Use(state, at)
    return found + [
        f"{fact.extension_id}: more is committed than {budget.limit}"
        for budget in policy.budgets
        if budget.unit in more
        and concerns(budget, asks)
        and use.committed(book_key(budget, asks)) > budget.limit
    ]


def _rates_of(policy: TenantPolicy, asks: Asks) -> set[PaceKey]:
    return {rule.key for rule in rules(asks, policy) if rule.soft is None}


def _answered(world: World) -> list[str]:
    """No run has two answers, and what runs cost is what the tenant was told."""
    answers: Counter[str] = Counter()
    told: dict[str, Decimal] = {}
    for fact in world.facts():
        match fact:
            case AdmissionGranted(admission=admission):
                answers[admission.asks.run_id] += 1
            case AdmissionRefused(asks=asks):
                answers[asks.run_id] += 1
            case AdmissionReturned(run_id=name, used=used):
                told[name] = next(each.amount for each in used if each.unit == "usd")
            case _:
                pass
    found = [f"{name} has {count} answers" for name, count in answers.items() if count > 1]
    late = [(f.run_id, f.call) for f in world.facts() if isinstance(f, LateCostBooked)]
    found += [f"{call} is booked {n} times" for call, n in Counter(late).items() if n > 1]
    for number, name in world.ids.items():
        events = world.events(number)
        ends = [event.fact for event in events if event.type in _ENDS]
        if len(ends) > 1:
            found.append(f"{name} ended {len(ends)} times")
        if ends and "RunSettled" in world.names(number):
            usage: ExitUsage = ends[0].exit.usage  # type: ignore[attr-defined]
            if told.get(name) != usage.cost_usd and name in answers:
                found.append(f"{name} cost {usage.cost_usd}, its tenant knows {told.get(name)}")
    return found
