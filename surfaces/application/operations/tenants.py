"""Tenants: what a tenant's own journal says of its runs and its budgets. An operator's question."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from runfold.events import topics
from runfold.events.definitions import TenantPolicy
from runfold.events.definitions.tenancy.tenant_policy import IN_FORCE, Budget
from runfold.events.definitions.tenancy.tenants import KeptOfTenants
from runfold.events.tenant import Admission, Asks, TenantEvent, Waiting
from runfold.processors.tenant import periods
from runfold.processors.tenant.evolve import evolve
from runfold.processors.tenant.state import BookKey, Tenant
from runfold.processors.tenant.use import Use, book_key, concerns
from runfold.producers.log.port import LogReader
from runfold.projections.queries import Views, list_tenants, tenant_budgets_in_use
from runfold.surfaces.application.errors import NotFoundError
from runfold.surfaces.application.governing.definitions import read_definitions
from runfold.surfaces.application.shapes import (
    TenantBudget,
    TenantBudgetRow,
    TenantContents,
    TenantDetail,
    TenantRow,
    TenantRun,
)


def show_tenant(reader: LogReader, tenant_id: str, now: datetime) -> TenantDetail:
    """Return who runs and who waits at a tenant, and what its budgets have left.

    Raises NotFoundError for a tenant that has no policy, no journal, and no key or hold.
    """
    state, known = tenant_of(reader, tenant_id), read_definitions(reader)
    found = known.resolve("tenant_policy", IN_FORCE, None, tenant_id)
    policy, contents = found.definition(TenantPolicy), _contents(known.tenants, tenant_id)
    kept = contents.sealed_since or contents.held_since or contents.erased_at
    if state is None and policy is None and kept is None:
        raise NotFoundError(
            f"Tenant {tenant_id} has no policy in force, never had a run that one held, and is not "
            f"sealed. Publish a policy with `runfold apply -f FILE --tenant {tenant_id}` "
            f"(docs/tenants.md); `runfold runs --tenant {tenant_id}` lists its runs."
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
        contents=contents,
    )


def tenants(views: Views, limit: int = 1000) -> list[TenantRow]:
    """Return the tenants whose runs ever asked to be admitted, the longest queue first."""
    return [TenantRow(**row) for row in list_tenants(views, limit)]


def budgets_in_use(views: Views, now: datetime, limit: int = 1000) -> list[TenantBudgetRow]:
    """Return the budgets of every tenant in the period that lasts, the fullest first."""
    return [
        TenantBudgetRow(
            tenant_id=row["tenant_id"],
            of=row["scope"],
            name=row["name"],
            unit=row["unit"],
            period=row["period"],
            began_at=row["began_at"],
            ends_at=periods.ends(row["period"], now),
            used=row["used"],
            reserved=row["set_aside"],
            left=row["limit_amount"] - row["used"] - row["set_aside"],
            limit=row["limit_amount"],
            soft=row["soft_amount"],
        )
        for row in tenant_budgets_in_use(views, limit)
    ]


def tenant_of(reader: LogReader, tenant_id: str) -> Tenant | None:
    """Return a tenant as its journal leaves it, None where it has none."""
    state: Tenant | None = None
    for found in reader.read(topics.TENANT_EVENTS, key=tenant_id):
        if isinstance(found.record, TenantEvent):
            state = evolve(state, found.record.fact, found.record.meta.time)
    return state


def _contents(known: KeptOfTenants, tenant_id: str) -> TenantContents:
    keys, hold = known.keys_of(tenant_id), known.hold(tenant_id)
    erased = known.erasures(tenant_id)
    return TenantContents(
        sealed_since=min((each.made_at for each in keys), default=None),
        keys=len(keys),
        classes=tuple(sorted({each.data_class for each in keys if each.data_class})),
        held_since=datetime.fromisoformat(hold.at) if hold else None,
        held_by=hold.by if hold else None,
        held_for=hold.reason if hold else None,
        erased_at=erased[-1].decided_at if erased else None,
        erased_by=erased[-1].decided_by if erased else None,
    )


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
                ends_at=periods.ends(key.period, now),
                used=book.used,
                reserved=committed - book.used,
                left=budget.limit - committed,
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
