"""What a person answers in the model's place, judged as a model's answer is.

A person can be told what is wrong with a call, so one that cannot be considered refuses the whole
answer; a model would read it in the denial.
"""

from __future__ import annotations

from runfold.events import run as j
from runfold.events.records.commands import ReplyAsModel
from runfold.events.values import ModelAnswer, ProposedCall
from runfold.processors.run.agent.controls.control_faults import fault_of
from runfold.processors.run.agent.controls.control_tools import EXITS, INTRINSICS
from runfold.processors.run.agent.models import model_calls
from runfold.processors.run.agent.tools import proposed_calls
from runfold.processors.run.agent.tools.arguments import arguments_fault
from runfold.processors.run.agent.tools.reasons import without_reason
from runfold.processors.run.draft import Draft
from runfold.processors.run.state import CallStatus

MOST_CALLS = 16
"""How many calls one answer may propose."""

BY_PERSON = "person"
"""The finish reason of an answer that a person gave."""


def reply(draft: Draft, control: ReplyAsModel) -> str:
    """Take a person's answer; return why it is not taken, empty where it is."""
    run = draft.run
    if run.idle.paused:
        return draft.people("paused_while_held")
    open_ = [call.call_id for call in run.loop.calls if call.status is not CallStatus.CLOSED]
    if open_:
        return draft.people("calls_are_open", calls=", ".join(open_))
    if not control.calls and control.text is None:
        return draft.people("says_nothing")
    if len(control.calls) > MOST_CALLS:
        return draft.people("too_many_calls", count=len(control.calls), limit=MOST_CALLS)
    number = run.next_call
    calls = tuple(
        [
            call.model_copy(update={"id": f"person_{number}_{at}"})
            for at, call in enumerate(control.calls, 1)
        ]
    )
    for call in calls:
        if fault := _fault(draft, call, alone=len(calls) == 1):
            return draft.people("call_not_usable", tool=call.name, fault=fault)
    _take(draft, control, ModelAnswer(text=control.text, tool_calls=calls, finish_reason=BY_PERSON))
    return ""


def _take(draft: Draft, control: ReplyAsModel, answer: ModelAnswer) -> None:
    reply_id, calls = draft.next_call_id(), answer.tool_calls
    draft.say(
        j.PersonReplied(
            reply_id=reply_id,
            request_id=control.request_id,
            by=control.actor_id,
            answer=answer,
            decision=model_calls.decision_of(draft, answer),
        )
    )
    if len(calls) == 1 and calls[0].name in EXITS:
        model_calls.end_by(draft, calls[0])
    else:
        proposed_calls.propose_all(draft, reply_id, answer)


def _fault(draft: Draft, call: ProposedCall, *, alone: bool) -> str:
    """Return what is wrong with a call, empty where it can be judged."""
    if call.problem or call.arguments.inline is None:
        return call.problem or "its arguments are not there"
    if call.name in INTRINSICS:
        if call.name in EXITS and not alone:
            return draft.model("call_alone")
        return fault_of(draft, call) or ""
    bare, _ = without_reason(draft, call)
    contract = draft.tool(call.name)
    if fault := proposed_calls.fault_of(draft, bare, contract):
        return fault.reason
    return "" if contract is None else arguments_fault(draft, contract, bare.arguments) or ""
