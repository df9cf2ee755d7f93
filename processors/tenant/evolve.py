"""The fold: the tenant after a fact. It accepts every legal history and never refuses."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from runfold.events import tenant as t
from runfold.events.base import Fact
from runfold.processors.tenant import answers
from runfold.processors.tenant.behaviour import ANSWERS_KEPT
from runfold.processors.tenant.order import flow_of
from runfold.processors.tenant.state import (
    BookKey,
    PaceKey,
    Period,
    Tenant,
    key_of_book,
    key_of_pace,
)

AWAITED = timedelta(days=1)
"""How long after a run's end a cost of its calls is still booked."""

MOST_AWAITED = 1_000
"""Of how many runs that have ended a tenant waits for costs at the most, the newest ones."""


def evolve(state: Tenant | None, fact: Fact, at: datetime) -> Tenant:
    """Return the tenant after ``fact``; the first of a period says everything."""
    if isinstance(fact, t.BooksOpened):
        return _opened(fact)
    assert state is not None
    period = replace(state.period, entries=state.period.entries + 1)
    return _folded(replace(state, period=period), fact, at)


def _opened(fact: t.BooksOpened) -> Tenant:
    return Tenant(
        tenant_id=fact.tenant_id,
        period=Period(fact.period, fact.behaviour),
        clock=fact.clock,
        arrivals=fact.arrivals,
        running={each.asks.run_id: each for each in fact.running},
        waiting=fact.waiting,
        shares={share.flow: share.finish for share in fact.shares},
        books={key_of_book(book): book for book in fact.books},
        reviewed_at=fact.reviewed_at,
        paces={key_of_pace(pace): pace for pace in fact.paces},
        settled={each.asks.run_id: each for each in fact.settled},
    )


def _folded(state: Tenant, fact: Fact, at: datetime) -> Tenant:  # noqa: PLR0911 - a line each
    match fact:
        case t.AdmissionQueued(waiting=waiting):
            queue = list(state.waiting)
            insort(queue, waiting, key=lambda each: (each.finish, each.number))
            shares = {**state.shares, flow_of(waiting.asks): waiting.finish}
            return replace(state, waiting=tuple(queue), arrivals=waiting.number, shares=shares)
        case t.AdmissionGranted(admission=admission):
            return _granted(state, fact, admission, at)
        case t.AdmissionRefused(asks=asks):
            return replace(state, waiting=_without(state.waiting, asks.run_id))
        case t.AdmissionReturned():
            return _returned(state, fact, at)
        case t.ReservationExtended():
            return _answered(state, fact, reserved=fact.reserved)
        case t.ExtensionDeclined():
            return _answered(state, fact)
        case t.LateCostBooked(run_id=run_id, call=call):
            return replace(
                state,
                settled=_reported(state.settled, run_id, call),
                books=_booked(state.books, fact.books),
            )
        case t.BudgetAlerted(book=book):
            return replace(state, books=_booked(state.books, (book,)))
        case t.QueueReviewed():
            return replace(state, reviewed_at=at)
        case _:
            raise ValueError(f"{type(fact).__name__} is no fact of a tenant")


def _answered(
    state: Tenant, fact: t.ReservationExtended | t.ExtensionDeclined, **changes: object
) -> Tenant:
    """Return the tenant after it answered a run that asked for more; the answer is kept."""
    before = state.running.get(fact.run_id)
    if before is None or fact.again:
        return state
    if state.period.behaviour >= ANSWERS_KEPT:
        changes["answered"] = answers.kept(before.answered, fact)
    if not changes:
        return state
    running = {**state.running, fact.run_id: before.model_copy(update=changes)}
    return replace(state, running=running)


def is_awaited(settled: t.Settled, at: datetime) -> bool:
    """Whether what a run's calls cost may still be told."""
    return at - settled.since <= AWAITED


def _returned(state: Tenant, fact: t.AdmissionReturned, at: datetime) -> Tenant:
    run_id, settled = fact.run_id, state.settled
    admission = state.running.get(run_id)
    if admission is not None and fact.open:
        last = t.Settled(asks=admission.asks, since=at, open=fact.open, held=fact.held)
        awaited = {key: each for key, each in settled.items() if is_awaited(each, at)}
        newest = list({**awaited, run_id: last}.items())[-MOST_AWAITED:]
        settled = dict(newest)
    return replace(
        state,
        running={key: each for key, each in state.running.items() if key != run_id},
        waiting=_without(state.waiting, run_id),
        books=_booked(state.books, fact.books),
        settled=settled,
    )


def _reported(settled: Mapping[str, t.Settled], run_id: str, call: str) -> dict[str, t.Settled]:
    """Return the runs that are waited for when one of their calls has told what it cost."""
    before = settled[run_id]
    left = tuple(each for each in before.open if each != call)
    held = tuple(each for each in before.held if each.call_id != call.rpartition("/")[0])
    if not left:
        return {key: each for key, each in settled.items() if key != run_id}
    return {**settled, run_id: before.model_copy(update={"open": left, "held": held})}


def _granted(
    state: Tenant, fact: t.AdmissionGranted, admission: t.Admission, at: datetime
) -> Tenant:
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
        paces=_paced(state.paces, fact.paces, at),
    )


def _paced(
    paces: Mapping[PaceKey, t.Pace], new: tuple[t.Pace, ...], at: datetime
) -> Mapping[PaceKey, t.Pace]:
    if not new:
        return paces
    # What the time has caught up with says nothing any more.
    lasting = {key: pace for key, pace in paces.items() if pace.next > at}
    return lasting | {key_of_pace(pace): pace for pace in new}


def _without(waiting: tuple[t.Waiting, ...], run_id: str) -> tuple[t.Waiting, ...]:
    # By a copy in one piece: of thousands that wait, one decision may refuse all.
    for place, each in enumerate(waiting):
        if each.asks.run_id == run_id:
            return waiting[:place] + waiting[place + 1 :]
    return waiting


def _booked(books: Mapping[BookKey, t.Book], new: Iterable[t.Book]) -> Mapping[BookKey, t.Book]:
    return {**books, **{key_of_book(book): book for book in new}}
