"""Tenants: what a tenant's own journal says of its runs and its budgets. An operator's question."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from runfold.events import topics
from runfold.events.definitions import TenantPolicy
from runfold.events.definitions.tenant_policy import IN_FORCE, Budget
from runfold.events.tenant import Admission, Asks, TenantEvent, Waiting
from runfold.processors.tenant.evolve import evolve
from runfold.processors.tenant.state import BookKey, Tenant
from runfold.processors.tenant.use import Use, book_key, concerns
from runfold.producers.log.port import LogReader
from runfold.projections.queries import Views, list_tenants
from runfold.surfaces.application.errors import NotFoundError
from runfold.surfaces.application.governing.definitions import read_definitions
from runfold.surfaces.application.shapes import TenantBudget, TenantDetail, TenantRow, TenantRun


def show_tenant(reader: LogReader, tenant_id: str, now: datetime) -> TenantDetail:
    """Return who runs and who waits at a tenant, and what its budgets have left.

    Raises NotFoundError for a tenant that has neither a policy nor a journal.
    """
    state = tenant_of(reader, tenant_id)
    found = read_definitions(reader).resolve("tenant_policy", IN_FORCE, None, tenant_id)
    policy = found.definition(TenantPolicy)
    if state is None and policy is None:
        raise NotFoundError(
            f"Tenant {tenant_id} has no policy in force and never had a run that one held: "
            "see docs/tenants.md."
        )
    state = state or Tenant(tenant_id)
    return TenantDetail(
        tenant=tenant_id,
        policy=f"{policy.name}@{policy.version}" if policy else None,
        running=tuple(_run(each.asks, each) for each in state.running.values()),
        waiting=tuple(
            _run(each.asks, each, place) for place, each in enumerate(state.waiting, start=1)
        ),
        budgets=tuple(_budgets(state, policy, now)) if policy else (),
    )


def tenants(views: Views, limit: int = 1000) -> list[TenantRow]:
    """Return the tenants whose runs ever asked to be admitted, the longest queue first."""
    return [TenantRow(**row) for row in list_tenants(views, limit)]


def tenant_of(reader: LogReader, tenant_id: str) -> Tenant | None:
    """Return a tenant as its journal leaves it, None where it has none."""
    state: Tenant | None = None
    for found in reader.read(topics.TENANT_EVENTS, key=tenant_id):
        if isinstance(found.record, TenantEvent):
            state = evolve(state, found.record.fact, found.record.meta.time)
    return state


def _run(asks: Asks, each: Admission | Waiting, position: int | None = None) -> TenantRun:
    return TenantRun(
        run_id=asks.run_id,
        user_id=asks.user_id,
        agent=asks.agent,
        feature=asks.feature,
        since=each.since,
        position=position,
    )


def _budgets(state: Tenant, policy: TenantPolicy, now: datetime) -> Iterator[TenantBudget]:
    use = Use(state, now)
    for budget in policy.budgets:
        for key in _books(state, budget):
            book, committed = use.book(key), use.committed(key)
            yield TenantBudget(
                of=key.of,
                name=key.name,
                unit=key.unit,
                period=key.period,
                began_at=book.start,
                used=book.used,
                reserved=committed - book.used,
                limit=budget.limit,
                soft=budget.soft,
            )


def _books(state: Tenant, budget: Budget) -> list[BookKey]:
    """Return the books that a budget has: of everybody who used, or may use, something."""
    found = {
        key
        for key in state.books
        if (key.of, key.unit, key.period) == (budget.of, budget.unit, budget.period)
        and budget.name in {None, key.name}
    }
    running = (each.asks for each in state.running.values())
    found |= {book_key(budget, asks) for asks in running if concerns(budget, asks)}
    if budget.of == "tenant" or budget.name is not None:
        found.add(BookKey(budget.of, budget.name or "", budget.unit, budget.period))
    return sorted(found)
