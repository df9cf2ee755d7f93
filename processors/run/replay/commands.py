"""The input of a decision, put together again from the first events that it led to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runfold.events import run as j
from runfold.events.base import Fact, Record
from runfold.events.calls import BeginRequested, ModelResult, Outcome, ToolResult
from runfold.events.calls.base import CallResult
from runfold.events.calls.children import ChildRequested
from runfold.events.calls.kinds import KINDS
from runfold.events.records.commands import RunRequested
from runfold.events.run import Event, Meta
from runfold.events.tenant import AdmissionAnswered, ExtensionAnswered, Verdict
from runfold.events.traits import DRY_RUN, JUDGE, CallMove, Cause
from runfold.events.values import ErrorInfo
from runfold.processors.engine.aggregate import Command, Timer, UnrecordedError
from runfold.processors.run.agent.calls import beginnings
from runfold.processors.run.behaviour import BY_PERMISSION
from runfold.processors.run.lifecycle import extending, gate
from runfold.processors.run.replay import children
from runfold.processors.run.replay.controls import control_of
from runfold.processors.run.state import CallStatus, Live, OpenCall, RunState


def command_of(state: RunState | None, decision: Sequence[Event]) -> Command:
    """Return the command that a decision answered, as its first events record it."""
    meta, fact = decision[0].meta, first_of(decision)
    if meta.cause.startswith("timer/"):
        return Command(_timer(meta))
    trace = fact.requester_trace if isinstance(fact, j.RunCreated) else None
    return Command(_record(state, meta, fact, decision), trace, getattr(fact, "proof", None))


def first_of(decision: Sequence[Event]) -> Fact:
    """Return the fact that records what was asked.

    That a run ends is told its tenant and its children before it, whether a person may do it is
    asked first, and what its model stands for may come first too.
    """
    before = (j.ModelResolved, j.RunSettled, j.ChildRunSignalled)
    facts = [each.fact for each in decision if not isinstance(each.fact, before)]
    rest = [each for each in facts if not _of_acontrol_of(each)]
    return next(iter(rest or facts), decision[0].fact)


def _of_acontrol_of(fact: Fact) -> bool:
    return isinstance(fact, j.PolicyDecided) and fact.control_id is not None


def _timer(meta: Meta) -> Timer:
    parts = meta.cause.split("/")
    if len(parts) != 4 or not parts[3].isdecimal():
        raise UnrecordedError(f"the cause {meta.cause!r} is not that of a timer")
    return Timer(meta.time, parts[1], parts[2], int(parts[3]))


def _record(state: RunState | None, meta: Meta, fact: Fact, decision: Sequence[Event]) -> Record:
    if isinstance(fact, j.RunCreated | j.RunRefused):
        return _request(fact, decision)
    if (said := children.of(state, meta, decision)) is not None:
        return said
    asked = decision[0].fact
    if isinstance(asked, j.PolicyDecided) and asked.control_id is not None:
        # Policies answered first; whose words the next fact records, its own meta says.
        own = next(event.meta for event in decision if event.fact is fact)
        return control_of(state, own, fact, asked.roles)
    return (
        _admission(state, meta, fact)
        or _extension(meta, fact)
        or _question(state, meta, fact, decision)
        or _held(state, meta, fact)
        or _result_of(meta, fact)
        or control_of(state, meta, fact, _roles_of(fact))
    )


def _roles_of(fact: Fact) -> tuple[str, ...]:
    """Return the roles that an approval came with, where it says who approved."""
    known = fact.approvers if isinstance(fact, j.ApprovalGiven | j.ToolCallApproved) else ()
    return known[-1].roles if known else ()


def _admission(state: RunState | None, meta: Meta, fact: Fact) -> AdmissionAnswered | None:
    """Return the tenant's answer, where a fact of a run that waits for it records one."""
    if not isinstance(state, Live) or not state.entry.asked or state.started:
        return None
    match fact:
        case j.RunAdmitted(reserved=reserved):
            said: dict[str, Any] = {"verdict": Verdict.GRANTED, "reserved": reserved}
            said |= {"cheaper": fact.cheaper, "rates": fact.rates}
        case j.RunQueued(reason=reason, position=int(position)):
            said = {"verdict": Verdict.QUEUED, "reason": reason, "position": position}
        case j.RunFailed(error=error) if error.error_type == extending.UNKNOWN_ANSWER:
            said = {"verdict": Verdict.UNKNOWN}
        case j.RunFailed(error=error):
            said = {"verdict": Verdict.REFUSED, "code": error.error_type, "reason": error.message}
            said["retry_after_ms"] = error.retry_after_ms
        case _:
            return None
    return AdmissionAnswered(run_id=meta.run_id, **said)


def _extension(meta: Meta, fact: Fact) -> ExtensionAnswered | None:
    """Return the tenant's answer to a run that asked for more, where a fact records one."""
    match fact:
        case j.RunExtended(extension_id=name, added=added):
            said: dict[str, Any] = {"verdict": Verdict.GRANTED}
        case j.ExtensionRefused(extension_id=name, added=added, request_id=None):
            unknown = fact.code == extending.UNKNOWN_ANSWER
            said = {"verdict": Verdict.UNKNOWN if unknown else Verdict.REFUSED}
            said |= {"code": fact.code, "reason": fact.reason}
            said["retry_after_ms"] = fact.retry_after_ms
        case _:
            return None
    return ExtensionAnswered(run_id=meta.run_id, extension_id=name, added=added, **said)


def _question(
    state: RunState | None, meta: Meta, fact: Fact, decision: Sequence[Event]
) -> BeginRequested | None:
    """Return the question whether a call may begin, where a fact records its answer."""
    if not isinstance(state, Live) or state.behaviour < BY_PERMISSION:
        return None
    # Where the call was judged again, that comes first.
    by = next((each.fact.by for each in decision if isinstance(each.fact, j.CallBegun)), "")
    match fact:
        case (
            j.CallBegun(call_id=call_id)
            | j.CallHeld(
                call_id=call_id,
                code=gate.PAUSED
                | gate.AWAITS_MORE
                | beginnings.UNDECIDABLE
                | beginnings.OTHER_FALLBACKS,
            )
            | j.PolicyDecided(call_id=str(call_id))
        ):
            found = _call(state, call_id)
        case j.ToolCallDenied(call_id=call_id, request_id=None):
            # The tool was withdrawn meanwhile; a person's denial has a request.
            found = _call(state, call_id)
        case j.RunFailed():
            # So was the agent: its model was about to be called.
            own = (c for c in state.loop.calls if not c.answers_model)
            found = next((c for c in own if c.status is CallStatus.RUNNING), None)
        case _:
            return None
    if found is None or found.status is not CallStatus.RUNNING:
        return None
    return BeginRequested(run_id=meta.run_id, call_id=found.call_id, attempt=found.attempt, by=by)


def _call(state: RunState | None, call_id: str) -> OpenCall | None:
    return state.loop.call(call_id) if isinstance(state, Live) else None


def _request(
    fact: j.RunCreated | j.RunRefused, decision: Sequence[Event]
) -> RunRequested | ChildRequested:
    said = [event.fact for event in decision if isinstance(event.fact, j.UserMessageReceived)]
    goal = said[0].content if said else fact.request.goal
    asked = fact.request.model_copy(update={"goal": goal})
    if fact.lineage is not None:
        return children.requested(fact, asked)
    return RunRequested(**dict(asked))


_RESULTS: dict[str, type[CallResult]] = {
    **{kind.name: kind.result for kind in KINDS},
    DRY_RUN: ToolResult,
    JUDGE: ModelResult,
}
_OUTCOMES = {
    CallMove.CLOSES: Outcome.SUCCEEDED,
    CallMove.FAILS: Outcome.FAILED,
    CallMove.DOUBTS: Outcome.UNCERTAIN,
}


def _result_of(meta: Meta, fact: Fact) -> CallResult | None:
    """Return the result of a call that a fact records; None where it records something else."""
    if isinstance(fact, j.LateResultNoted):
        if fact.answer is not None:
            return _result(ModelResult, meta, fact, **{**dict(fact.answer), "answer": None})
        return _result(ToolResult, meta, fact, effect=True)
    traits, call = fact.traits, fact.traits.call
    by_person = getattr(fact, "request_id", None) is not None
    if call is None or call.kind is None or traits.cause is not Cause.SENDER or by_person:
        return None
    kind, outcome = _RESULTS.get(call.kind), _OUTCOMES.get(call.move)
    if kind is None or outcome is None:
        return None
    if isinstance(fact, j.ToolCallUncertain):
        doubt = ErrorInfo(error_type="uncertain", message=fact.reason, retryable=False)
        return _result(kind, meta, fact, outcome=outcome, error=doubt)
    return _result(kind, meta, fact, outcome=outcome)


def _held(state: RunState | None, meta: Meta, fact: Fact) -> CallResult | None:
    call = _call(state, fact.call_id) if isinstance(fact, j.CallHeld) else None
    if call is None or not isinstance(fact, j.CallHeld):
        return None
    error = ErrorInfo(
        error_type=fact.code,
        message=fact.reason,
        retryable=True,
        retry_after_ms=fact.retry_after_ms,
    )
    kind = _RESULTS[call.kind]
    return _result(kind, meta, fact, outcome=Outcome.HELD, error=error, model="")


def _result(kind: type[CallResult], meta: Meta, fact: Fact, **more: Any) -> CallResult:
    """Return a result from the fields that it and the fact name alike, and what more is said."""
    found = {"run_id": meta.run_id, "latency_ms": 0, "provider": "", **dict(fact), **more}
    return kind.model_validate({name: found[name] for name in found if name in kind.model_fields})
