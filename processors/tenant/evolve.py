"""The fold: the tenant after a fact. It accepts every legal history and never refuses."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from runfold.events import tenant as t
from runfold.events.base import Fact
from runfold.processors.tenant.order import flow_of
from runfold.processors.tenant.state import BookKey, Tenant, key_of_book


def evolve(state: Tenant | None, fact: Fact, at: datetime) -> Tenant:
    """Return the tenant after ``fact``; the first of a period says everything."""
    if isinstance(fact, t.BooksOpened):
        return _opened(fact)
    assert state is not None
    return _folded(replace(state, entries=state.entries + 1), fact, at)


def _opened(fact: t.BooksOpened) -> Tenant:
    return Tenant(
        tenant_id=fact.tenant_id,
        period=fact.period,
        clock=fact.clock,
        arrivals=fact.arrivals,
        running={each.asks.run_id: each for each in fact.running},
        waiting=fact.waiting,
        shares={share.flow: share.finish for share in fact.shares},
        books={key_of_book(book): book for book in fact.books},
        reviewed_at=fact.reviewed_at,
    )


def _folded(state: Tenant, fact: Fact, at: datetime) -> Tenant:
    match fact:
        case t.AdmissionQueued(waiting=waiting):
            queue = list(state.waiting)
            insort(queue, waiting, key=lambda each: (each.finish, each.number))
            shares = {**state.shares, flow_of(waiting.asks): waiting.finish}
            return replace(state, waiting=tuple(queue), arrivals=waiting.number, shares=shares)
        case t.AdmissionGranted(admission=admission):
            return _granted(state, fact, admission)
        case t.AdmissionRefused(asks=asks):
            return replace(state, waiting=_without(state.waiting, asks.run_id))
        case t.AdmissionReturned(run_id=run_id):
            running = {key: each for key, each in state.running.items() if key != run_id}
            return replace(
                state,
                running=running,
                waiting=_without(state.waiting, run_id),
                books=_booked(state.books, fact.books),
            )
        case t.BudgetAlerted(book=book):
            return replace(state, books=_booked(state.books, (book,)))
        case t.QueueReviewed():
            return replace(state, reviewed_at=at)
        case _:
            raise ValueError(f"{type(fact).__name__} is no fact of a tenant")


def _granted(state: Tenant, fact: t.AdmissionGranted, admission: t.Admission) -> Tenant:
    run_id, flow = admission.asks.run_id, flow_of(admission.asks)
    clock = max(state.clock, fact.start)
    finish = max(state.shares.get(flow, 0), fact.finish)
    # What lies behind the clock says nothing any more.
    shares = {key: each for key, each in {**state.shares, flow: finish}.items() if each > clock}
    return replace(
        state,
        clock=clock,
        arrivals=max(state.arrivals, fact.number),
        shares=shares,
        running={**state.running, run_id: admission},
        waiting=_without(state.waiting, run_id),
    )


def _without(waiting: tuple[t.Waiting, ...], run_id: str) -> tuple[t.Waiting, ...]:
    return tuple(each for each in waiting if each.asks.run_id != run_id)


def _booked(books: Mapping[BookKey, t.Book], new: Iterable[t.Book]) -> Mapping[BookKey, t.Book]:
    return {**books, **{key_of_book(book): book for book in new}}
