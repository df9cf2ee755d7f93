"""The decider: what follows from what runs say to their tenant, and from its deadlines.

Every question of a run has exactly one outcome, granted or refused, unless the run returns first;
between the two it may wait. A run that returns makes room, and whoever fits then is granted, in
the fair order.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from runfold.events import tenant as t
from runfold.events.base import Fact
from runfold.events.wording import coded
from runfold.processors.engine.aggregate import Command, Env, Timer
from runfold.processors.tenant.books import alert, returned, returned_unbooked
from runfold.processors.tenant.draft import Draft
from runfold.processors.tenant.order import clamped, place_of
from runfold.processors.tenant.state import BookKey, Tenant
from runfold.processors.tenant.use import Hold, amounts_of, book_key, concerns

logger = logging.getLogger(__name__)

WAIT, REVIEW = "wait", "review"

REVIEW_LEAST, REVIEW_MOST = timedelta(seconds=5), timedelta(seconds=60)
"""How often a queue is looked through, at the most and at the least, though nothing came."""


def decide(state: Tenant | None, command: Command, env: Env) -> Sequence[tuple[Fact, Tenant]]:
    """Return the facts that follow from a command, each with the state after it.

    A run whose question cannot be decided is refused, and one that returns makes room, whatever the
    policy says that came from outside: neither may wait for ever.
    """
    try:
        return _decided(state, command, env)
    except (MemoryError, RecursionError):
        # This process, a moment later, may decide it.
        raise
    except Exception as error:
        logger.exception("a command of a tenant could not be decided")
        concluded = conclude(state, command, env, type(error).__name__, last=False)
        if concluded is None:
            raise
        return concluded


def conclude(
    state: Tenant | None, command: Command, env: Env, error: str, *, last: bool
) -> Sequence[tuple[Fact, Tenant]] | None:
    """Return what is on record of a command that cannot be decided, or its decision written."""
    if last:
        return None
    match command.body:
        case t.AdmissionAsked(tenant_id=tenant_id, asks=asks):
            draft = Draft(state, tenant_id, env)
            if asks.run_id not in draft.tenant.running and not draft.tenant.waits(asks.run_id):
                _refuse(draft, asks, "undecidable", {"error": error})
        case t.RunReturned(tenant_id=tenant_id) as back:
            draft = Draft(state, tenant_id, env)
            returned_unbooked(draft, back)
        case _:
            return None
    return draft.steps


def _decided(state: Tenant | None, command: Command, env: Env) -> Sequence[tuple[Fact, Tenant]]:
    match command.body:
        case t.AdmissionAsked(tenant_id=tenant_id, asks=asks):
            draft = Draft(state, tenant_id, env)
            _asked(draft, asks)
        case t.RunReturned(tenant_id=tenant_id) as back:
            draft = Draft(state, tenant_id, env)
            returned(draft, back)
        case Timer() as timer if state is not None:
            draft = Draft(state, state.tenant_id, env)
            _due(draft, timer)
        case other:
            raise TypeError(f"{type(other).__name__} is no command of a tenant")
    if draft.steps:
        _serve(draft)
    return draft.steps


def next_timer(state: Tenant) -> Timer | None:
    """Return the earliest deadline: a run that has waited too long, or the next look."""
    if not state.waiting:
        return None
    since = min(each.since for each in state.waiting)
    seen = max(state.reviewed_at or since, since)
    pause = min(REVIEW_MOST, max(REVIEW_LEAST, (seen - since) / 4))
    # Each look is a decision of its own, so its cause differs from that of the last.
    look = int(seen.timestamp() * 1000)
    timers = [Timer(seen + pause, REVIEW, state.tenant_id, look)]
    timers += [
        Timer(each.deadline, WAIT, each.asks.run_id) for each in state.waiting if each.deadline
    ]
    return min(timers, key=lambda timer: timer.due)


def _asked(draft: Draft, asks: t.Asks) -> None:
    tenant, policy = draft.tenant, draft.policy
    if asks.run_id in tenant.running or tenant.waits(asks.run_id):
        return
    asks = clamped(asks, policy)
    place = place_of(tenant, asks, policy)
    comes = t.Waiting(asks=asks, **place._asdict(), since=draft.env.now, deadline=_deadline(draft))
    hold = _hold(draft, comes)
    if hold is None:
        _grant(draft, comes)
    elif hold.never or hold.refuse:
        _refuse(draft, asks, hold.code, hold.told)
    elif policy is not None and len(tenant.waiting) >= policy.queue_size:
        _refuse(draft, asks, "queue_full", {"waiting": len(tenant.waiting)})
    else:
        before = sum(_order(each) < _order(comes) for each in tenant.waiting)
        reason = coded(hold.code, hold.told)
        draft.say(t.AdmissionQueued(waiting=comes, position=before + 1, reason=reason))


def _due(draft: Draft, timer: Timer) -> None:
    if timer.kind == WAIT:
        late = draft.tenant.waits(timer.call_id)
        if late is not None:
            waited = int((draft.env.now - late.since).total_seconds())
            _refuse(draft, late.asks, "queue_timeout", {"seconds": waited})
        return
    tenant = draft.tenant
    draft.say(t.QueueReviewed(waiting=len(tenant.waiting), running=len(tenant.running)))
    use = draft.use()
    for each in tenant.waiting:
        # A policy that came meanwhile may never let it in, or a budget that lets nobody wait may be
        # spent by those before it.
        for hold in use.holds(each.asks, draft.policy):
            if hold.never or hold.refuse:
                _refuse(draft, each.asks, hold.code, hold.told)
                break


def _serve(draft: Draft) -> None:
    """Admit whoever fits, in the fair order."""
    for fits in list(_fitting(draft, draft.tenant.waiting)):
        _grant(draft, fits)


def _hold(draft: Draft, comes: t.Waiting) -> Hold | None:
    """Return why a run that comes now cannot be admitted at once, None where it can."""
    holds = list(draft.use().holds(comes.asks, draft.policy))
    if holds:
        # The gravest first: what no waiting helps, then what the policy refuses.
        return min(holds, key=lambda hold: (not hold.never, not hold.refuse))
    queue = sorted((*draft.tenant.waiting, comes), key=_order)
    if any(fits is comes for fits in _fitting(draft, queue)):
        return None
    return Hold("behind_others", {})


def _fitting(draft: Draft, queue: Sequence[t.Waiting]) -> Iterator[t.Waiting]:
    """Yield the runs that fit, each with those before it.

    A run that a book has no room for holds up those behind it that the same book counts, or they
    would take the room that it waits for.
    """
    use, policy = draft.use(), draft.policy
    taken: set[BookKey] = set()
    for each in queue:
        if policy is not None and use.is_full(policy):
            return
        asks = each.asks
        holds = list(use.holds(asks, policy))
        books = {book_key(b, asks) for b in policy.budgets if concerns(b, asks)} if policy else {}
        if holds:
            if not any(hold.never for hold in holds):
                taken |= {hold.book for hold in holds if hold.book is not None}
        elif taken.isdisjoint(books):
            use.add(_admission(draft, each))
            yield each


def _admission(draft: Draft, each: t.Waiting) -> t.Admission:
    amounts = amounts_of(each.asks, draft.policy)
    reserved = () if isinstance(amounts, str) else amounts
    return t.Admission(asks=each.asks, reserved=reserved, since=draft.env.now)


def _grant(draft: Draft, each: t.Waiting) -> None:
    waited = draft.env.now - each.since
    draft.say(
        t.AdmissionGranted(
            admission=_admission(draft, each),
            number=each.number,
            start=each.start,
            finish=each.finish,
            waited_ms=int(waited.total_seconds() * 1000),
        )
    )
    alert(draft, each.asks)


def _refuse(draft: Draft, asks: t.Asks, code: str, told: dict[str, str | int]) -> None:
    draft.say(t.AdmissionRefused(asks=asks, code=code, reason=coded(code, told)))


def _order(each: t.Waiting) -> tuple[int, int]:
    return each.finish, each.number


def _deadline(draft: Draft) -> datetime | None:
    policy = draft.policy
    if policy is None or policy.queue_timeout_ms is None:
        return None
    try:
        return draft.env.now + timedelta(milliseconds=policy.queue_timeout_ms)
    except OverflowError:
        # A policy of before there was a longest: it waits without an end.
        return None
