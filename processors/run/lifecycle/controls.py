"""What people may do to a live run, and how a control that cannot apply is put on record [185]."""

from __future__ import annotations

from runfold.events import run as j
from runfold.events.contents.content import NOTHING, Content
from runfold.events.records import commands
from runfold.processors.run.agent import checkpoints
from runfold.processors.run.agent.calls.attribution import attribution
from runfold.processors.run.agent.next_step import proceed
from runfold.processors.run.agent.tools.arguments import arguments_fault
from runfold.processors.run.agent.tools.tool_calls import unpaid
from runfold.processors.run.approvals import allowed, deciding
from runfold.processors.run.approvals.deciding import Refusal
from runfold.processors.run.behaviour import APPROVALS, BY_PERSON
from runfold.processors.run.draft import Draft
from runfold.processors.run.lifecycle import endings, extending, pausing
from runfold.processors.run.people import behalf, results_given, taking_over
from runfold.processors.run.policy import tainted
from runfold.processors.run.state import CallStatus, RoundCall


def apply(draft: Draft, control: commands.Control, unproved: str = "") -> None:
    """Apply a control once; say why where it cannot apply.

    ``unproved`` is the code of why its credential proves nothing.
    """
    if control.request_id in draft.run.controls:
        return
    if unproved:
        ignore(draft, control, draft.people(unproved))
        return
    if control.tenant_id != draft.run.tenant_id:
        ignore(draft, control, draft.people("other_tenant"))
        return
    if refusal := _not_allowed(draft, control):
        ignore(draft, control, refusal.reason, refusal.code)
        return
    _apply(draft, control)
    proceed(draft)


def _not_allowed(draft: Draft, control: commands.Control) -> Refusal | None:
    """Return why the person may not do this, None where nothing keeps them from it."""
    if draft.behaviour < APPROVALS:
        return None
    if len(control.roles) > allowed.MOST_ROLES:
        return Refusal("too_many", draft.people("too_many_roles", limit=allowed.MOST_ROLES))
    said = allowed.may_control(draft, control)
    if said is None or said.permitted:
        return None
    return Refusal(deciding.FORBIDDEN, allowed.reason(draft, said))


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
        case commands.ExtendRun() | commands.DenyExtension():
            _extend(draft, control)
        case commands.SendMessage() | commands.EditInstructions():
            _tell(draft, control)
        case commands.AnswerQuestion():
            _answer(draft, control)
        case _ if (answered := taking_over.applied(draft, control)) is not None:
            if answered:
                ignore(draft, control, answered)
        case _:
            raise TypeError(f"{type(control).__name__} is no control of a run")


def _extend(draft: Draft, control: commands.ExtendRun | commands.DenyExtension) -> None:
    if isinstance(control, commands.ExtendRun):
        reason = extending.extend(draft, control)
    else:
        reason = extending.deny(draft, control)
    if reason is not None:
        ignore(draft, control, reason)


def _approve(draft: Draft, control: commands.ApproveToolCall) -> None:
    call = _waiting(draft, control, control.call_id, CallStatus.AWAITING_APPROVAL)
    if call is None:
        return
    if draft.behaviour >= APPROVALS:
        if refusal := deciding.approve(draft, control, call):
            ignore(draft, control, refusal.reason, refusal.code)
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
    if call is None or _refused(draft, control, call):
        return
    draft.say(
        j.ToolCallDenied(
            call_id=call.call_id,
            reason=control.reason,
            request_id=control.request_id,
            shown_digest=_digest_of(draft, control),
            on_behalf_of=behalf.of(draft, control, call),
        )
    )


def _resolve(draft: Draft, control: commands.ResolveToolCall) -> None:
    call = _waiting(draft, control, control.call_id, CallStatus.UNCERTAIN)
    if call is None:
        return
    if fault := _unusable(draft, control, call):
        ignore(draft, control, draft.people("result_not_usable", fault=fault))
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


def _unusable(draft: Draft, control: commands.ResolveToolCall, call: RoundCall) -> str:
    """Return why what a person says of an uncertain call cannot be its result."""
    contract = draft.contract(call.tool)
    if draft.behaviour < BY_PERSON or control.result is None or contract.output_schema is None:
        return ""
    return results_given.fault_of(draft, contract, control.result, failed=False)


def _pause(draft: Draft, control: commands.PauseRun) -> None:
    if draft.run.idle.paused:
        ignore(draft, control, draft.people("already_paused"))
        return
    pausing.pause(draft, control.request_id, control.reason)


def _resume(draft: Draft, control: commands.ResumeRun) -> None:
    if not draft.run.idle.paused:
        ignore(draft, control, draft.people("not_paused"))
        return
    pausing.resume(draft, control.request_id, control.reason)


def _tell(draft: Draft, control: commands.SendMessage | commands.EditInstructions) -> None:
    if draft.run.loop.flow is not None:
        ignore(draft, control, draft.people("flow_has_no_model"))
        return
    replaces = isinstance(control, commands.EditInstructions)
    draft.say(
        j.UserMessageReceived(
            message_id=control.request_id,
            kind=j.MessageKind.INSTRUCTIONS if replaces else j.MessageKind.MESSAGE,
            content=control.content,
            request_id=control.request_id,
        )
    )


def _answer(draft: Draft, control: commands.AnswerQuestion) -> None:
    call = _waiting(draft, control, control.question_id, CallStatus.ASKED)
    if call is None or _refused(draft, control, call):
        return
    draft.say(
        j.HumanInputReceived(
            question_id=call.call_id,
            content=control.content,
            request_id=control.request_id,
            shown_digest=_digest_of(draft, control),
            on_behalf_of=behalf.of(draft, control, call),
        )
    )


_Deciding = commands.DenyToolCall | commands.AnswerQuestion


def _refused(draft: Draft, control: _Deciding, call: RoundCall) -> bool:
    """Refuse a decision on something else than is open now, or for somebody who asked nobody to.

    Return whether it is refused.
    """
    if stale := deciding.stale(draft, call, control.shown_digest):
        ignore(draft, control, stale.reason, stale.code)
        return True
    if nobody := behalf.refusal(draft, control, call):
        ignore(draft, control, nobody)
        return True
    return False


def _digest_of(draft: Draft, control: commands.Control) -> bytes | None:
    """Return what a control says was shown; older behaviours leave it out."""
    said = getattr(control, "shown_digest", None) if draft.behaviour >= APPROVALS else None
    return said if isinstance(said, bytes) else None


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


def ignore(draft: Draft, control: commands.Control, reason: str, code: str | None = None) -> None:
    """Put on record that a control changes nothing, and why."""
    approval = control if isinstance(control, commands.ApproveToolCall) else None
    holds = approval.holds if approval and draft.behaviour >= APPROVALS else None
    about = getattr(control, "call_id", None) or getattr(control, "question_id", None)
    draft.say(
        j.RequestIgnored(
            request_id=control.request_id,
            control=type(control).__name__,
            reason=reason,
            tenant_id=control.tenant_id,
            call_id=about,
            arguments=_arguments(control),
            code=code,
            shown_digest=_digest_of(draft, control),
            holds=holds,
            calls=control.calls if isinstance(control, commands.ReplyAsModel) else (),
            on_behalf_of=getattr(control, "on_behalf_of", None),
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
