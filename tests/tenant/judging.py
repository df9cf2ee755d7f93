"""What must be true of a tenant and its runs, whatever happened to them."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from runfold.events.tenant import (
    AdmissionGranted,
    AdmissionRefused,
    AdmissionReturned,
)
from runfold.events.values import ExitUsage
from runfold.processors.tenant.evolve import evolve
from runfold.processors.tenant.state import Tenant
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
        if not isinstance(fact, AdmissionGranted) or policy is None or before is None:
            continue
        asks, use = fact.admission.asks, Use(state, meta.time)
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
