"""The decider: what follows from what runs say to their tenant, and from its deadlines.

Every question of a run has exactly one outcome, granted or refused, unless the run returns first;
between the two it may wait. A run that returns makes room, and whoever fits then is granted, in
the fair order.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from runfold.events import tenant as t
from runfold.events.base import Fact
from runfold.events.pacing import micros
from runfold.processors.engine.aggregate import Command, Env, Timer
from runfold.processors.tenant.admitting import WAIT, asked, due, refuse, serve
from runfold.processors.tenant.behaviour import CURRENT
from runfold.processors.tenant.books import late, returned, returned_unbooked
from runfold.processors.tenant.draft import Draft
from runfold.processors.tenant.extending import answered_before, decline, extension_asked
from runfold.processors.tenant.state import Tenant

logger = logging.getLogger(__name__)

REVIEW, PACE = "review", "pace"

REVIEW_LEAST, REVIEW_MOST = timedelta(seconds=5), timedelta(seconds=60)
"""How often a queue is looked through, at the most and at the least, though nothing came."""


def decide(
    state: Tenant | None, command: Command, env: Env, begins_with: int = CURRENT
) -> Sequence[tuple[Fact, Tenant]]:
    """Return the facts that follow from a command, each with the state after it.

    A period of the journal that begins takes the behaviour ``begins_with``.
    A run whose question cannot be decided is refused, and one that returns makes room, whatever the
    policy says that came from outside: neither may wait for ever.
    """
    try:
        return _decided(state, command, partial(Draft, env=env, begins_with=begins_with))
    except (MemoryError, RecursionError):
        # This process, a moment later, may decide it.
        raise
    except Exception as error:
        logger.exception("a command of a tenant could not be decided")
        concluded = conclude(state, command, env, type(error).__name__, begins_with, last=False)
        if concluded is None:
            raise
        return concluded


def conclude(
    state: Tenant | None,
    command: Command,
    env: Env,
    error: str,
    begins_with: int = CURRENT,
    *,
    last: bool,
) -> Sequence[tuple[Fact, Tenant]] | None:
    """Return what is on record of a command that cannot be decided, or its decision written."""
    if last:
        return None
    match command.body:
        case t.AdmissionAsked(tenant_id=tenant_id, asks=asks):
            draft = Draft(state, tenant_id, env, begins_with)
            if asks.run_id not in draft.tenant.running and not draft.tenant.waits(asks.run_id):
                refuse(draft, asks, "undecidable", {"error": error})
        case t.RunReturned(tenant_id=tenant_id) as back:
            draft = Draft(state, tenant_id, env, begins_with)
            returned_unbooked(draft, back)
        case t.ExtensionAsked(tenant_id=tenant_id) as more:
            draft = Draft(state, tenant_id, env, begins_with)
            if not answered_before(draft, more):
                decline(draft, more, "undecidable", {"error": error})
        case _:
            return None
    return draft.steps


def _decided(
    state: Tenant | None, command: Command, draft_of: Callable[[Tenant | None, str], Draft]
) -> Sequence[tuple[Fact, Tenant]]:
    match command.body:
        case t.AdmissionAsked(tenant_id=tenant_id, asks=asks):
            draft = draft_of(state, tenant_id)
            asked(draft, asks)
        case t.RunReturned(tenant_id=tenant_id) as back:
            draft = draft_of(state, tenant_id)
            returned(draft, back)
        case t.ExtensionAsked(tenant_id=tenant_id) as more:
            draft = draft_of(state, tenant_id)
            extension_asked(draft, more)
        case t.LateCostReported(tenant_id=tenant_id) as cost:
            draft = draft_of(state, tenant_id)
            late(draft, cost)
        case Timer() as timer if state is not None:
            draft = draft_of(state, state.tenant_id)
            due(draft, timer)
        case other:
            raise TypeError(f"{type(other).__name__} is no command of a tenant")
    if draft.steps:
        serve(draft)
    return draft.steps


def next_timer(state: Tenant) -> Timer | None:
    """Return the earliest deadline: a run that has waited too long, or the next look.

    A look is due as well where a rate lets the next run start.
    """
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
    timers += [
        Timer(pace.free, PACE, state.tenant_id, micros(pace.free))
        for pace in state.paces.values()
        if pace.free > seen
    ]
    return min(timers, key=lambda timer: timer.due)
