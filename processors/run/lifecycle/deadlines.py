"""Deadlines of a run: which comes next, and what follows when it is due."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from runfold.events.calls.kinds import MODEL, TOOL
from runfold.processors.engine.aggregate import Timer
from runfold.processors.run.agent.calls import beginnings
from runfold.processors.run.agent.calls.kinds import rules_of
from runfold.processors.run.agent.next_step import proceed
from runfold.processors.run.agent.tools import dry_runs
from runfold.processors.run.behaviour import BY_GATE
from runfold.processors.run.draft import Draft
from runfold.processors.run.ids import working_deadline
from runfold.processors.run.lifecycle import endings, gate
from runfold.processors.run.people import escalating, taking_over
from runfold.processors.run.state import CallStatus, Live, OpenCall, Pace, RoundCall

RETRY = "retry"
TIMEOUT = "timeout"
UNBEGUN = "unbegun"
APPROVAL = "approval"
DURATION = "duration"
DEADLINE = "deadline"
BRAKE = "brake"
PACE = "pace"

_KIND_OF = {
    CallStatus.HELD: RETRY,
    CallStatus.RUNNING: TIMEOUT,
    CallStatus.AWAITING_APPROVAL: APPROVAL,
    CallStatus.ASKED: APPROVAL,
}


def next_timer(run: Live) -> Timer | None:
    """Return the run's earliest deadline; nothing is due that would begin a call it may not."""
    shut = gate.shut(run) is not None
    timers = [timer for call in run.loop.calls if (timer := _of_call(run, call, shut=shut))]
    if (working := working_deadline(run)) is not None:
        timers.append(Timer(working, DURATION, run.run_id))
    if run.request.deadline is not None:
        timers.append(Timer(run.request.deadline, DEADLINE, run.run_id))
    if (wait := _wait(run)) is not None and not shut:
        timers.append(wait)
    if (held := taking_over.timer(run)) is not None:
        timers.append(held)
    if run.entry.pace is not None and not shut and run.budget.more.met is None:
        timers += _paced(run, run.entry.pace)
    return min(timers, key=lambda timer: timer.due, default=None)


def _wait(run: Live) -> Timer | None:
    """Return when a brake lets the model be called again; each wait is a decision of its own."""
    wait = run.loop.watch.wait if run.loop.watch is not None else None
    if wait is None or wait.until is None:
        return None
    return Timer(wait.until, f"{BRAKE}{wait.times}", run.run_id)


def _paced(run: Live, pace: Pace) -> Iterator[Timer]:
    """Yield when calls that came too early may be made; each wait is a decision of its own."""
    calls = run.loop.calls
    waits = {
        MODEL.name: all(call.status is CallStatus.CLOSED for call in calls),
        TOOL.name: any(
            call.status is CallStatus.APPROVED or dry_runs.waits_for_one(run, call)
            for call in calls
        ),
    }
    for kind, due in pace.until.items():
        if waits[kind]:
            yield Timer(due, f"{PACE}_{kind}{pace.times}", run.run_id)


def fire(draft: Draft, timer: Timer) -> None:
    """Do what a due deadline calls for; one that no longer stands changes nothing."""
    match timer.kind:
        case "duration":
            _out_of_time(draft, "max_duration_ms", draft.run.limits.max_duration_ms)
        case "deadline":
            _out_of_time(draft, "deadline", draft.run.request.deadline)
        case _ if taking_over.forgotten(draft, timer):
            pass
        case _:
            _fire_call(draft, timer)
    proceed(draft)


def _of_call(run: Live, call: OpenCall, *, shut: bool) -> Timer | None:
    kind = _KIND_OF.get(call.status)
    if kind is None or call.due is None or (shut and _begins(call)):
        return None
    if _waits(call):
        # Of one attempt there may be many, and each is a decision of its own.
        kind = f"{UNBEGUN}{call.beginning.handed_out}"
    if kind == APPROVAL and (standing := run.idle.asking.get(call.call_id)) and standing.step:
        kind = f"{APPROVAL}{standing.step}"
    return Timer(call.due, kind, call.call_id, call.attempt)


def _begins(call: OpenCall) -> bool:
    """Whether a call's deadline begins an attempt, or makes somebody begin it."""
    return call.status is CallStatus.HELD or _waits(call)


def _waits(call: OpenCall) -> bool:
    """Whether nobody has begun a call that is out."""
    known = call.beginning
    return call.status is CallStatus.RUNNING and known.handed_out > 0 and not known.by


def _out_of_time(draft: Draft, limit: str, allowed: int | datetime | None) -> None:
    if allowed is None:
        return
    worked = draft.env.now - draft.run.pinned.created_at - draft.run.idle.total
    used = draft.env.now if isinstance(allowed, datetime) else int(worked.total_seconds() * 1000)
    endings.limit_reached(draft, limit, used, allowed)


def _fire_call(draft: Draft, timer: Timer) -> None:
    call = draft.run.loop.call(timer.call_id)
    if call is None or call.attempt != timer.attempt:
        return
    if draft.behaviour >= BY_GATE and _begins(call) and gate.shut(draft.run):
        return
    match call.status:
        case CallStatus.HELD:
            rules_of(call).begin(draft, call)
        case CallStatus.RUNNING if _waits(call):
            beginnings.hand_out_again(draft, call)
        case CallStatus.RUNNING:
            rules_of(call).lost(draft, call)
        case CallStatus.AWAITING_APPROVAL | CallStatus.ASKED:
            assert isinstance(call, RoundCall)
            escalating.due(draft, call)
        case _:
            pass
