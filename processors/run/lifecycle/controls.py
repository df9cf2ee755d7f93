"""What people may do to a live run, and how a control that cannot apply is put on record [185]."""

from __future__ import annotations

from runfold.events import commands
from runfold.events import run as j
from runfold.events.content import NOTHING, Content
from runfold.processors.run.agent import checkpoints
from runfold.processors.run.agent.arguments import arguments_fault
from runfold.processors.run.agent.attribution import attribution
from runfold.processors.run.agent.next_step import proceed
from runfold.processors.run.agent.tool_calls import unpaid
from runfold.processors.run.draft import Draft
from runfold.processors.run.lifecycle import endings, extending
from runfold.processors.run.policy import tainted
from runfold.processors.run.state import CallStatus, RoundCall


def apply(draft: Draft, control: commands.Control) -> None:
    """Apply a control once; say why where it cannot apply."""
    if control.request_id in draft.run.controls:
        return
    if control.tenant_id != draft.run.tenant_id:
        ignore(draft, control, draft.people("other_tenant"))
        return
    _apply(draft, control)
    proceed(draft)


def _apply(draft: Draft, control: commands.Control) -> None:
    match control:
        case commands.ApproveToolCall():
            _approve(draft, control)
        case commands.DenyToolCall():
            _deny(draft, control)
        case commands.ResolveToolCall():
            _resolve(draft, control)
        case commands.PauseRun():
            _pause(draft, control)
        case commands.ResumeRun():
            _resume(draft, control)
        case commands.CancelRun():
            endings.cancel(draft, control.request_id, control.reason)
        case commands.ExtendRun():
            _unless(draft, control, extending.extend(draft, control))
        case commands.DenyExtension():
            _unless(draft, control, extending.deny(draft, control))
        case commands.SendMessage():
            _tell(draft, control, j.MessageKind.MESSAGE, control.content)
        case commands.EditInstructions():
            _tell(draft, control, j.MessageKind.INSTRUCTIONS, control.content)
        case commands.AnswerQuestion():
            _answer(draft, control)
        case _:
            raise TypeError(f"{type(control).__name__} is no control of a run")


def _unless(draft: Draft, control: commands.Control, reason: str | None) -> None:
    if reason is not None:
        ignore(draft, control, reason)


def _approve(draft: Draft, control: commands.ApproveToolCall) -> None:
    call = _waiting(draft, control, control.call_id, CallStatus.AWAITING_APPROVAL)
    if call is None:
        return
    if control.arguments is not None and (
        fault := arguments_fault(draft, draft.contract(call.tool), control.arguments)
    ):
        ignore(draft, control, draft.people("arguments_do_not_fit", fault=fault))
        return
    draft.say(
        j.ToolCallApproved(
            call_id=call.call_id,
            arguments=control.arguments,
            request_id=control.request_id,
            comment=control.comment,
        )
    )


def _deny(draft: Draft, control: commands.DenyToolCall) -> None:
    call = _waiting(draft, control, control.call_id, CallStatus.AWAITING_APPROVAL)
    if call is not None:
        draft.say(
            j.ToolCallDenied(
                call_id=call.call_id, reason=control.reason, request_id=control.request_id
            )
        )


def _resolve(draft: Draft, control: commands.ResolveToolCall) -> None:
    call = _waiting(draft, control, control.call_id, CallStatus.UNCERTAIN)
    if call is None:
        return
    match control.resolution:
        case commands.Resolution.HAPPENED:
            draft.say(
                j.ToolCallSucceeded(
                    call_id=call.call_id,
                    attempt=call.attempt,
                    tool=call.tool,
                    result=control.result or NOTHING,
                    latency_ms=0,
                    attribution=attribution(draft.run),
                    cost=unpaid(draft, call, draft.contract(call.tool).cost_usd),
                    request_id=control.request_id,
                    untrusted=tainted.taints(draft, call.tool),
                )
            )
            checkpoints.write(draft)
        case commands.Resolution.DID_NOT_HAPPEN:
            draft.say(
                j.ToolCallApproved(
                    call_id=call.call_id, request_id=control.request_id, comment=control.comment
                )
            )
        case _:
            ignore(draft, control, draft.people("unclear_resolution"))


def _pause(draft: Draft, control: commands.PauseRun) -> None:
    if draft.run.idle.paused:
        ignore(draft, control, draft.people("already_paused"))
        return
    draft.say(j.RunPaused(request_id=control.request_id, reason=control.reason))
    checkpoints.write(draft)


def _resume(draft: Draft, control: commands.ResumeRun) -> None:
    if not draft.run.idle.paused:
        ignore(draft, control, draft.people("not_paused"))
        return
    draft.say(j.RunResumed(request_id=control.request_id, reason=control.reason))


def _tell(draft: Draft, control: commands.Control, kind: j.MessageKind, content: Content) -> None:
    draft.say(
        j.UserMessageReceived(
            message_id=control.request_id,
            kind=kind,
            content=content,
            request_id=control.request_id,
        )
    )


def _answer(draft: Draft, control: commands.AnswerQuestion) -> None:
    call = _waiting(draft, control, control.question_id, CallStatus.ASKED)
    if call is not None:
        draft.say(
            j.HumanInputReceived(
                question_id=call.call_id, content=control.content, request_id=control.request_id
            )
        )


_WANTED = {
    CallStatus.AWAITING_APPROVAL: ("not_awaiting_approval", "no_call_to_approve"),
    CallStatus.UNCERTAIN: ("not_uncertain", "no_call_to_resolve"),
    CallStatus.ASKED: ("not_awaiting_answer", "no_call_to_answer"),
}


def _waiting(
    draft: Draft, control: commands.Control, call_id: str, wanted: CallStatus
) -> RoundCall | None:
    call = next((call for call in draft.run.loop.round if call.call_id == call_id), None)
    if call is not None and call.status is wanted:
        return call
    otherwise, unknown = _WANTED[wanted]
    if call is None:
        reason = draft.people(unknown, call=call_id)
    else:
        reason = draft.people(otherwise, call=call_id, status=call.status.value)
    ignore(draft, control, reason)
    return None


def ignore(draft: Draft, control: commands.Control, reason: str) -> None:
    """Put on record that a control changes nothing, and why."""
    about = getattr(control, "call_id", None) or getattr(control, "question_id", None)
    draft.say(
        j.RequestIgnored(
            request_id=control.request_id,
            control=type(control).__name__,
            reason=reason,
            tenant_id=control.tenant_id,
            call_id=about,
            arguments=_arguments(control),
        )
    )


def _arguments(control: commands.Control) -> Content | None:
    match control:
        case commands.ApproveToolCall(arguments=arguments):
            return arguments
        case commands.ExtendRun(added=added):
            return extending.told(added)
        case _:
            return None
