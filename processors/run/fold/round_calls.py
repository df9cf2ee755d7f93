"""Folds of a round's calls, from proposal to the reply that the model will read."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from types import MappingProxyType

from runfold.events import run as j
from runfold.events.calls import Outcome
from runfold.events.calls.kinds import TOOL
from runfold.events.contents.content import Content, json_content, text
from runfold.events.trusted import trusted
from runfold.processors.run.behaviour import BY_LEVELS, BY_POLICIES
from runfold.processors.run.brakes import memory
from runfold.processors.run.fold import asking, open_calls, tenancy
from runfold.processors.run.fold.open_calls import known, with_call
from runfold.processors.run.fold.turns import unpriced_model
from runfold.processors.run.ids import artifact_of, outcome_of, signature
from runfold.processors.run.state import (
    CallStatus,
    Consent,
    DryRunCall,
    Live,
    OpenCall,
    Proposal,
    RoundCall,
    SinceCheckpoint,
    changed,
    loop_changed,
)
from runfold.processors.run.wording import for_model


@lru_cache(maxsize=16)
def _plan_recorded(behaviour: int) -> Content:
    return text(for_model(behaviour, "plan_recorded"))


def proposed(run: Live, fact: j.ToolCallProposed, at: datetime) -> Live:
    """A call joins the round."""
    proposal = Proposal(
        provider_call_id=fact.provider_call_id,
        tool=fact.tool,
        tool_version=fact.tool_version,
        arguments=fact.arguments,
        risk_level=fact.risk_level,
        idempotency_key=fact.idempotency_key,
    )
    name = signature(fact.tool, fact.arguments)
    repeats = MappingProxyType({**run.loop.repeats, name: run.loop.repeats.get(name, 0) + 1})
    call = RoundCall(call_id=fact.call_id, proposal=proposal, status=CallStatus.PROPOSED)
    return _joined(run, call, repeats=repeats)


def judged(run: Live, fact: j.PolicyDecided, at: datetime) -> Live:
    """The policies that a call was judged by are known; those of an agent alone are not kept."""
    if run.behaviour < BY_POLICIES or fact.policy_digest == run.agent.digest:
        return run
    if run.loop.call(fact.call_id or "") is None:
        return run
    return with_call(run, fact.call_id or "", judged_by=fact.policy_digest)


def denied(run: Live, fact: j.ToolCallDenied, at: datetime) -> Live:
    """The model will be told why the call was not made."""
    reply = json_content({"error": {"error_type": "denied", "message": fact.reason}})
    run = _close(run, fact.call_id, reply, is_error=True)
    if isinstance(call := run.loop.call(fact.call_id), RoundCall):
        run = with_call(run, call.call_id, consent=changed(call.consent, approval="denied"))
    if run.behaviour >= BY_LEVELS:
        run = loop_changed(run, calls=_untried(run, fact.call_id))
    if run.loop.watch is not None and fact.code == memory.UNFOUNDED:
        run = loop_changed(run, watch=memory.after_denial(run.loop.watch, fact.call_id))
    return _noted(run, fact.request_id)


def started(run: Live, fact: j.ToolCallStarted, at: datetime) -> Live:
    """The call is out."""
    run = tenancy.called(run, TOOL.name, at)
    run = with_call(run, fact.call_id, **open_calls.handed_out(run, fact, at))
    call = run.loop.call(fact.call_id)
    field = open_calls.counted_as(call) if call else None
    return changed(run, counters=run.counters.plus(field)) if field else run


def succeeded(run: Live, fact: j.ToolCallSucceeded, at: datetime) -> Live:
    """The result is the reply."""
    if ref := artifact_of(fact.result):
        since = changed(run.since_checkpoint, artifacts=(*run.since_checkpoint.artifacts, ref))
        run = changed(run, since_checkpoint=since)
    run = _ran(_close(run, fact.call_id, fact.result), fact.call_id, "succeeded")
    return _noted(_lost(tainted(run, fact), fact), fact.request_id)


def closed_by_person(run: Live, fact: j.ResultGiven, reply: Content) -> Live:
    """The reply is a person's. What the tool did is not known, so nothing of it is settled."""
    run = tainted(_close(run, fact.call_id, reply, is_error=fact.failed), fact)
    call = run.loop.call(fact.call_id)
    if not isinstance(call, RoundCall):
        return run
    closed = (*run.since_checkpoint.closed, summary(call, "given"))
    return changed(run, since_checkpoint=changed(run.since_checkpoint, closed=closed))


def failed(run: Live, fact: j.ToolCallFailed, at: datetime) -> Live:
    """The error is the reply, unless a retry is scheduled right after."""
    reply = json_content({"error": fact.error.model_dump(mode="json", exclude_none=True)})
    run = _ran(_close(run, fact.call_id, reply, is_error=True), fact.call_id, "failed")
    return _noted(_lost(tainted(run, fact), fact), fact.request_id)


def uncertain(run: Live, fact: j.ToolCallUncertain, at: datetime) -> Live:
    """Nobody knows whether it happened; a person must say, and that doubt is no news again."""
    doubted = run.attempts.doubted | {outcome_of(fact.call_id, fact.attempt)}
    run = _lost(known(run, doubted=doubted), fact)
    return with_call(run, fact.call_id, status=CallStatus.UNCERTAIN, due=None)


def late_result_noted(run: Live, fact: j.LateResultNoted, at: datetime) -> Live:
    """It is no news a second time; a doubt that was on record leaves open what had happened."""
    if (late := fact.answer) is not None:
        run = open_calls.found(run, fact.call_id, fact.attempt)
        unpriced = run.budget.unpriced or unpriced_model(fact.cost, late.provider, late.model)
        return changed(run, budget=changed(run.budget, unpriced=unpriced))
    outcome = outcome_of(fact.call_id, fact.attempt)
    if fact.outcome == Outcome.UNCERTAIN.value and outcome in run.attempts.doubted:
        return _lost(run, fact)
    return _lost(known(run, settled=run.attempts.settled | {outcome}), fact)


def question_asked(run: Live, fact: j.HumanInputRequested, at: datetime) -> Live:
    """The agent waits for a person's answer."""
    proposal = Proposal(
        provider_call_id=fact.provider_call_id,
        tool="ask_human",
        tool_version="",
        arguments=fact.question,
        risk_level=0,
        idempotency_key=fact.question_id,
        by_brake=fact.brake is not None,
    )
    asked = RoundCall(
        call_id=fact.question_id,
        proposal=proposal,
        status=CallStatus.ASKED,
        due=fact.until or fact.deadline,
        consent=Consent(shown=fact.shown_digest),
    )
    return asking.asked(_joined(run, asked, malformed=0), fact.question_id, fact, at)


def question_answered(run: Live, fact: j.HumanInputReceived, at: datetime) -> Live:
    """The answer is the reply."""
    run = _close(run, fact.question_id, fact.content)
    return _noted(run, fact.request_id)


def plan_recorded(run: Live, fact: j.PlanProposed | j.PlanRevised, at: datetime) -> Live:
    """The plan is the run's plan; the model that sent it is told so."""
    run = loop_changed(run, plan=fact.plan)
    if run.loop.watch is not None:
        run = loop_changed(run, watch=memory.after_plan(run.loop.watch, fact.plan))
    if fact.call_id is None or fact.provider_call_id is None:
        return run
    reply = _plan_recorded(run.behaviour)
    proposal = Proposal(
        provider_call_id=fact.provider_call_id,
        tool="update_plan",
        tool_version="",
        arguments=reply,
        risk_level=0,
        idempotency_key=fact.call_id,
    )
    call = RoundCall(call_id=fact.call_id, proposal=proposal, status=CallStatus.CLOSED, reply=reply)
    return _joined(run, call, malformed=0)


def checkpoint_written(run: Live, fact: j.CheckpointWritten, at: datetime) -> Live:
    """What was closed is on record; the step is counted."""
    counters = run.counters.plus("step")
    return changed(run, since_checkpoint=SinceCheckpoint(), counters=counters)


def summary(call: RoundCall, status: str | None = None) -> j.CallSummary:
    """Return a call as a checkpoint holds it."""
    return trusted(j.CallSummary)(
        call_id=call.call_id,
        tool=call.tool,
        status=status or call.status.value,
        attempt=call.attempt,
        idempotency_key=call.idempotency_key,
        approval=call.approval,
        arguments_digest=call.arguments.digest,
        result_digest=call.result_digest,
    )


def _close(run: Live, call_id: str, reply: Content, *, is_error: bool = False) -> Live:
    return with_call(
        run,
        call_id,
        status=CallStatus.CLOSED,
        reply=reply,
        is_error=is_error,
        due=None,
        result_digest=reply.digest,
    )


def _ran(run: Live, call_id: str, how: str) -> Live:
    """Keep a call that came back for the checkpoint that follows."""
    call = run.loop.call(call_id)
    if not isinstance(call, RoundCall):
        return run
    run = known(run, settled=run.attempts.settled | {outcome_of(call_id, call.attempt)})
    closed = (*run.since_checkpoint.closed, summary(call, how))
    return changed(run, since_checkpoint=changed(run.since_checkpoint, closed=closed))


_Read = j.ToolCallSucceeded | j.ToolCallFailed | j.DryRunFailed | j.ResultGiven
"""What may bring a stranger's words into the run."""

_Ran = j.ToolCallSucceeded | j.ToolCallFailed | j.ToolCallUncertain | j.LateResultNoted


def _lost(run: Live, fact: _Ran) -> Live:
    """Keep an execution that ended without a cost: its result may still come and say one."""
    if fact.cost is None and isinstance(fact, j.ToolCallFailed | j.ToolCallUncertain):
        return open_calls.lost(run, fact.call_id, fact.attempt, fact.tool)
    return open_calls.found(run, fact.call_id, fact.attempt)


def tainted(run: Live, fact: _Read) -> Live:
    """Keep through which tool the run has read what strangers wrote."""
    if not fact.untrusted or fact.tool in run.loop.taint:
        return run
    return loop_changed(run, taint=tuple(sorted((*run.loop.taint, fact.tool))))


def _untried(run: Live, call_id: str) -> tuple[OpenCall, ...]:
    """Return the open calls without the dry run of one."""
    calls = run.loop.calls
    return tuple([c for c in calls if not (isinstance(c, DryRunCall) and c.of == call_id)])


def _joined(run: Live, call: RoundCall, **changes: object) -> Live:
    """Return the run with one more call in the round; its number is taken."""
    loop = changed(run.loop, calls=(*run.loop.calls, call), **changes)
    return changed(run, body=loop, next_call=run.next_call + 1)


def _noted(run: Live, request_id: str | None) -> Live:
    return changed(run, controls=run.controls | {request_id}) if request_id else run
