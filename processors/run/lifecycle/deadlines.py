"""Deadlines of a run: which comes next, and what follows when it is due."""

from __future__ import annotations

from datetime import datetime

from runfold.events import run as j
from runfold.events.calls import ModelResult, Outcome
from runfold.events.values import ErrorInfo
from runfold.processors.engine.aggregate import Timer
from runfold.processors.run.agent import model_results, tool_results
from runfold.processors.run.agent.next_step import call_model, proceed, start, working_deadline
from runfold.processors.run.draft import Draft
from runfold.processors.run.lifecycle import endings
from runfold.processors.run.policy.withdrawn import withdrawn_agent
from runfold.processors.run.state import Call, CallStatus, Live, ModelCall

RETRY = "retry"
TIMEOUT = "timeout"
APPROVAL = "approval"
DURATION = "duration"
DEADLINE = "deadline"

_KIND_OF = {
    CallStatus.HELD: RETRY,
    CallStatus.RUNNING: TIMEOUT,
    CallStatus.AWAITING_APPROVAL: APPROVAL,
    CallStatus.ASKED: APPROVAL,
}


def next_timer(run: Live) -> Timer | None:
    """Return the run's earliest deadline; a paused run begins no retry."""
    timers = [timer for call in run.loop.calls if (timer := _of_call(call, paused=run.idle.paused))]
    if run.loop.model_call and (
        timer := _of_model_call(run.loop.model_call, paused=run.idle.paused)
    ):
        timers.append(timer)
    if (working := working_deadline(run)) is not None:
        timers.append(Timer(working, DURATION, run.run_id))
    if run.request.deadline is not None:
        timers.append(Timer(run.request.deadline, DEADLINE, run.run_id))
    return min(timers, key=lambda timer: timer.due, default=None)


def fire(draft: Draft, timer: Timer) -> None:
    """Do what a due deadline calls for; one that no longer stands changes nothing."""
    match timer.kind:
        case "duration":
            _out_of_time(draft, "max_duration_ms", draft.run.limits.max_duration_ms)
        case "deadline":
            _out_of_time(draft, "deadline", draft.run.request.deadline)
        case _ if draft.run.loop.model_call and draft.run.loop.model_call.call_id == timer.call_id:
            _fire_model_call(draft, draft.run.loop.model_call, timer)
        case _:
            _fire_call(draft, timer)
    proceed(draft)


def _of_call(call: Call, *, paused: bool) -> Timer | None:
    kind = _KIND_OF.get(call.status)
    if kind is None or call.due is None or (paused and kind == RETRY):
        return None
    return Timer(call.due, kind, call.call_id, call.attempt)


def _of_model_call(call: ModelCall, *, paused: bool) -> Timer | None:
    if call.held and paused:
        return None
    return Timer(call.due, RETRY if call.held else TIMEOUT, call.call_id, call.attempt)


def _out_of_time(draft: Draft, limit: str, allowed: int | datetime | None) -> None:
    if allowed is None:
        return
    worked = draft.env.now - draft.run.pinned.created_at - draft.run.idle.total
    used = draft.env.now if isinstance(allowed, datetime) else int(worked.total_seconds() * 1000)
    endings.limit_reached(draft, limit, used, allowed)


def _fire_model_call(draft: Draft, out: ModelCall, timer: Timer) -> None:
    if out.attempt != timer.attempt:
        return
    if out.held:
        if error := withdrawn_agent(draft):
            endings.fail(draft, endings.EXIT_WITHDRAWN, error)
            return
        call_model(draft, out.call_id, out.attempt + 1)
        return
    lost = ModelResult(
        run_id=draft.run.run_id,
        call_id=out.call_id,
        attempt=out.attempt,
        outcome=Outcome.FAILED,
        model=draft.run.pinned.model,
        provider="",
        latency_ms=0,
        error=ErrorInfo(
            error_type="timeout",
            message=draft.people("answer_lost"),
            retryable=True,
        ),
    )
    model_results.unanswered(draft, lost)


def _fire_call(draft: Draft, timer: Timer) -> None:
    call = draft.run.loop.call(timer.call_id)
    if call is None or call.attempt != timer.attempt:
        return
    match call.status:
        case CallStatus.HELD:
            start(draft, call)
        case CallStatus.RUNNING:
            _lost(draft, call)
        case CallStatus.AWAITING_APPROVAL | CallStatus.ASKED:
            draft.say(j.ToolCallDenied(call_id=call.call_id, reason=draft.model("not_decided")))
        case _:
            pass


def _lost(draft: Draft, call: Call) -> None:
    if draft.contract(call.tool).safe_to_repeat:
        error = ErrorInfo(error_type="timeout", message=draft.model("result_lost"), retryable=True)
        tool_results.close_failed(draft, call, error)
    else:
        tool_results.doubt(draft, call, draft.people("result_lost"))
