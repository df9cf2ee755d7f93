"""Who is admitted, who waits, and who is refused, with the reason and when to ask again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from runfold.events import tenant as t
from runfold.events.wording import coded
from runfold.processors.engine.aggregate import Timer
from runfold.processors.tenant.books import alert
from runfold.processors.tenant.draft import Draft
from runfold.processors.tenant.order import clamped, place_of
from runfold.processors.tenant.rules.retries import allowance
from runfold.processors.tenant.state import BookKey
from runfold.processors.tenant.use import Hold, amounts_of, book_key, concerns, likeness

WAIT = "wait"

QUEUE_RETRY_MS = 30_000
"""What a run is told that a full queue refuses, where the policy says nothing."""


def asked(draft: Draft, asks: t.Asks) -> None:
    """Admit a run, have it wait, or refuse it; one that has asked already is left as it is."""
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
        refuse(draft, asks, hold.code, hold.told, hold.until)
    elif policy is not None and len(tenant.waiting) >= policy.queue_size:
        _overflow(draft, comes, hold)
    else:
        _wait(draft, comes, hold, tenant.waiting)


def _wait(draft: Draft, comes: t.Waiting, hold: Hold, others: Sequence[t.Waiting]) -> None:
    before = sum(_order(each) < _order(comes) for each in others)
    reason = coded(hold.code, hold.told)
    draft.say(t.AdmissionQueued(waiting=comes, position=before + 1, reason=reason))


def _overflow(draft: Draft, comes: t.Waiting, hold: Hold) -> None:
    """Refuse of a full queue and the run that comes the one that counts least.

    That is the lowest priority that came last; the run that comes is put in the place of another
    one only where its own priority is higher.
    """
    policy, waiting = draft.policy, draft.tenant.waiting
    assert policy is not None
    pause = timedelta(milliseconds=policy.queue_retry_ms or QUEUE_RETRY_MS)
    again = _later(draft, pause)
    told: dict[str, str | int] = {"waiting": len(waiting)}
    least = min(waiting, key=lambda each: (each.asks.priority, -each.number), default=None)
    if least is None or least.asks.priority >= comes.asks.priority:
        refuse(draft, comes.asks, "queue_full", told, again)
        return
    _wait(draft, comes, hold, [each for each in waiting if each is not least])
    told["priority"] = least.asks.priority
    refuse(draft, least.asks, "shed", told, again)


def due(draft: Draft, timer: Timer) -> None:
    """Refuse a run that has waited too long, or look through the queue."""
    if timer.kind == WAIT:
        late = draft.tenant.waits(timer.call_id)
        if late is not None:
            waited = int((draft.env.now - late.since).total_seconds())
            until = next((hold.until for hold in _holds(draft, late.asks) if hold.until), None)
            refuse(draft, late.asks, "queue_timeout", {"seconds": waited}, until)
        return
    tenant = draft.tenant
    draft.say(t.QueueReviewed(waiting=len(tenant.waiting), running=len(tenant.running)))
    use = draft.use()
    holds: dict[tuple[object, ...], list[Hold]] = {}
    for each in tenant.waiting:
        like = likeness(each.asks)
        if like not in holds:
            holds[like] = list(use.holds(each.asks, draft.policy))
        # A policy that came meanwhile may never let it in, or a budget that lets nobody wait may be
        # spent by those before it. A rate holds up for a moment alone: who waits already, waits on.
        for hold in holds[like]:
            if hold.never or (hold.refuse and hold.book is not None):
                refuse(draft, each.asks, hold.code, hold.told, hold.until)
                break


def serve(draft: Draft) -> None:
    """Admit whoever fits, in the fair order."""
    for fits in list(_fitting(draft, draft.tenant.waiting)):
        _grant(draft, fits)


def _hold(draft: Draft, comes: t.Waiting) -> Hold | None:
    """Return why a run that comes now cannot be admitted at once, None where it can."""
    holds = _holds(draft, comes.asks)
    if holds:
        # The gravest first: what no waiting helps, then what the policy refuses.
        return min(holds, key=lambda hold: (not hold.never, not hold.refuse))
    queue = sorted((*draft.tenant.waiting, comes), key=_order)
    if any(fits is comes for fits in _fitting(draft, queue)):
        return None
    return Hold("behind_others", {})


def _holds(draft: Draft, asks: t.Asks) -> list[Hold]:
    return list(draft.use().holds(asks, draft.policy))


def _fitting(draft: Draft, queue: Sequence[t.Waiting]) -> Iterator[t.Waiting]:
    """Yield the runs that fit, each with those before it.

    A run that a book has no room for holds up those behind it that the same book counts, or they
    would take the room that it waits for.
    """
    use, policy = draft.use(), draft.policy
    taken: set[BookKey] = set()
    # Of one user thousands may wait: their like was looked at, until somebody is admitted.
    waits: set[tuple[object, ...]] = set()
    for each in queue:
        if policy is not None and use.is_full(policy):
            return
        asks = each.asks
        if (like := likeness(asks)) in waits:
            continue
        waits.add(like)
        holds = list(use.holds(asks, policy))
        books = {book_key(b, asks) for b in policy.budgets if concerns(b, asks)} if policy else {}
        if holds:
            if not any(hold.never for hold in holds):
                taken |= {hold.book for hold in holds if hold.book is not None}
        elif taken.isdisjoint(books):
            use.add(_admission(draft, each))
            use.start(asks, policy)
            waits.clear()
            yield each


def _admission(draft: Draft, each: t.Waiting) -> t.Admission:
    amounts = amounts_of(each.asks, draft.policy)
    reserved = () if isinstance(amounts, str) else amounts
    reserved += allowance(draft.use(), each.asks, draft.policy)
    return t.Admission(asks=each.asks, reserved=reserved, since=draft.env.now)


def _grant(draft: Draft, each: t.Waiting) -> None:
    waited = draft.env.now - each.since
    admission, use, policy = _admission(draft, each), draft.use(), draft.policy
    use.add(admission)
    rates = policy.run_rates if policy else None
    budgets = policy.budgets if policy else ()
    draft.say(
        t.AdmissionGranted(
            admission=admission,
            number=each.number,
            start=each.start,
            finish=each.finish,
            waited_ms=int(waited.total_seconds() * 1000),
            paces=use.start(each.asks, policy),
            cheaper=any(
                "cheaper_models" in budget.at_soft
                and concerns(budget, each.asks)
                and use.soft_reached(budget, each.asks)
                for budget in budgets
            ),
            rates=t.CallRates(**dict(rates)) if rates else None,
        )
    )
    alert(draft, each.asks)


def refuse(
    draft: Draft, asks: t.Asks, code: str, told: dict[str, Any], again: datetime | None = None
) -> None:
    """Refuse a run on record; ``again`` is when asking once more may help."""
    draft.say(
        t.AdmissionRefused(
            asks=asks,
            code=code,
            reason=coded(code, told),
            retry_after_ms=pause_ms(draft, again),
        )
    )


def pause_ms(draft: Draft, until: datetime | None) -> int | None:
    """Return how many milliseconds are left to a moment, rounded up; None for no moment."""
    if until is None:
        return None
    return max(0, -(-(until - draft.env.now) // timedelta(milliseconds=1)))


def _order(each: t.Waiting) -> tuple[int, int]:
    return each.finish, each.number


def _deadline(draft: Draft) -> datetime | None:
    policy = draft.policy
    if policy is None or policy.queue_timeout_ms is None:
        return None
    # A policy of before there was a longest: it waits without an end.
    return _later(draft, timedelta(milliseconds=policy.queue_timeout_ms))


def _later(draft: Draft, pause: timedelta) -> datetime | None:
    try:
        return draft.env.now + pause
    except OverflowError:
        return None
