"""A model's proposed calls: each is judged before anything is done about it [79, 80, 104]."""

from __future__ import annotations

from typing import NamedTuple

from runfold.events import run as j
from runfold.events.contents.content import Content, json_content
from runfold.events.definitions import ToolContract
from runfold.events.trusted import trusted
from runfold.events.values import ModelAnswer, ProposedCall
from runfold.processors.run.agent.checkpoints import write
from runfold.processors.run.agent.controls import control_faults, control_tools
from runfold.processors.run.agent.tools import dry_runs
from runfold.processors.run.agent.tools.approving import let_through
from runfold.processors.run.agent.tools.arguments import arguments_fault
from runfold.processors.run.agent.tools.reasons import without_reason
from runfold.processors.run.approvals import asking
from runfold.processors.run.behaviour import BY_GATE
from runfold.processors.run.brakes.memory import UNFOUNDED
from runfold.processors.run.draft import Draft
from runfold.processors.run.ids import signature
from runfold.processors.run.lifecycle import endings
from runfold.processors.run.people import escalating
from runfold.processors.run.policy.judging import FORBIDDEN, Judged, judge_call
from runfold.processors.run.policy.rules import DRY_RUN_FIRST, NEEDS_APPROVAL, missing_scopes

MALFORMED, INVALID = "malformed_arguments", "invalid_arguments"


def propose_all(draft: Draft, model_call_id: str, answer: ModelAnswer) -> None:
    """Put every proposed call on record and decide on each; stop where a limit ends the run."""
    flawed = False
    for call in answer.tool_calls:
        if draft.has_ended():
            return
        match call.name:
            case control_tools.ASK if control_faults.fault_of(draft, call) is None:
                _ask(draft, call)
            case control_tools.PLAN if control_faults.fault_of(draft, call) is None:
                _plan(draft, call)
            case _:
                bare, reason = without_reason(draft, call)
                flawed |= not _propose(draft, model_call_id, bare, reason or _said(answer.text))
    if flawed and not draft.has_ended():
        _count_flaw(draft, model_call_id)


def propose_one(draft: Draft, call: ProposedCall, reason: str) -> None:
    """Put a call on record that no model proposed, and decide on it like any other."""
    if call.name == control_tools.ASK and control_faults.fault_of(draft, call) is None:
        _ask(draft, call)
    else:
        _propose(draft, "", call, reason)


def _ask(draft: Draft, call: ProposedCall) -> None:
    arguments = control_tools.arguments_of(call) or {}
    given = arguments.get("options")
    options = tuple(str(option) for option in given) if isinstance(given, list) else ()
    question = json_content({"question": arguments["question"]})
    shown = asking.of_question(draft.run, draft.next_call_id(), question, options)
    draft.say(
        j.HumanInputRequested(
            question_id=shown.call_id,
            provider_call_id=call.id,
            question=question,
            options=options,
            **asking.as_recorded(draft, shown),
            **escalating.asked(draft),
        )
    )
    write(draft)


def _plan(draft: Draft, call: ProposedCall) -> None:
    call_id = draft.next_call_id()
    before = draft.run.loop.plan
    plan_id = before.plan_id if before else f"{draft.run.run_id}.plan"
    plan = control_tools.plan_of(call, plan_id)
    if before is None:
        draft.say(j.PlanProposed(plan=plan, call_id=call_id, provider_call_id=call.id))
    else:
        draft.say(
            j.PlanRevised(
                plan=plan,
                reason=draft.people(
                    "by_the_model" if draft.run.idle.held is None else "by_a_person"
                ),
                call_id=call_id,
                provider_call_id=call.id,
            )
        )


def propose_in_vain(draft: Draft, model_call_id: str, answer: ModelAnswer, denial: str) -> None:
    """Record an answer's completion, denied because it claims what no call of the run did."""
    _propose(draft, model_call_id, answer.tool_calls[0], _said(answer.text), denial)


def _propose(
    draft: Draft, model_call_id: str, call: ProposedCall, reason: str, denial: str | None = None
) -> bool:
    """Record and judge one call; return whether it was well formed and known."""
    contract = draft.tool(call.name)
    call_id = draft.next_call_id()
    draft.say(
        trusted(j.ToolCallProposed)(
            call_id=call_id,
            model_call_id=model_call_id,
            provider_call_id=call.id,
            tool=call.name,
            tool_version=contract.version if contract else "",
            arguments=call.arguments,
            reason=reason,
            risk_level=contract.risk_level if contract else 0,
            idempotency_key=call_id,
        )
    )
    judged = judge_call(
        draft, contract, call.name, call_id, None if call.problem else call.arguments
    )
    draft.say(judged.decision)
    if fault := Fault(UNFOUNDED, denial) if denial else fault_of(draft, call, contract):
        draft.deny(call_id, *fault)
        return fault.code == UNFOUNDED
    assert contract is not None
    if _refused(draft, contract, judged) or _repeats_too_often(draft, call):
        return True
    return _through(draft, call, contract, judged)


def _through(draft: Draft, call: ProposedCall, contract: ToolContract, judged: Judged) -> bool:
    """Let a permitted call begin, have it tried first, or have a person asked.

    Returns whether its arguments fit, as far as they are looked at.
    """
    call_id, obligations = judged.decision.call_id or "", judged.decision.obligations
    if not {DRY_RUN_FIRST, NEEDS_APPROVAL} & set(obligations):
        draft.say(trusted(j.ToolCallApproved)(call_id=call_id))
        return True
    if problem := arguments_fault(draft, contract, call.arguments):
        draft.deny(call_id, INVALID, problem)
        return False
    tried = DRY_RUN_FIRST in obligations
    if draft.behaviour >= BY_GATE and tried and dry_runs.is_needed(contract, call.arguments):
        # It begins where every call does.
        return True
    if not (tried and dry_runs.begin_for(draft, call_id, contract, call.arguments)):
        let_through(draft, call_id, contract, call.arguments, judged)
    return True


def _refused(draft: Draft, contract: ToolContract, judged: Judged) -> bool:
    """Deny a call that lacks scopes or that a policy does not allow."""
    call_id = judged.decision.call_id or ""
    if lacking := missing_scopes(draft.run, contract):
        reason = draft.model("lacks_scopes", tool=contract.name, scopes=", ".join(lacking))
        draft.deny(call_id, "lacks_scopes", reason)
    elif judged.refusal is not None:
        draft.deny(call_id, FORBIDDEN, judged.refusal)
    else:
        return False
    return True


class Fault(NamedTuple):
    """Why a call cannot even be considered: by a code, and in words for the model."""

    code: str
    reason: str


def fault_of(draft: Draft, call: ProposedCall, contract: ToolContract | None) -> Fault | None:
    """Return why a call cannot even be considered; None where it can."""
    if call.name in control_tools.INTRINSICS:
        fault = control_faults.fault_of(draft, call)
        if fault is None:
            return Fault("not_alone", _not_yet(draft))
        return Fault(MALFORMED if call.problem else INVALID, fault)
    if contract is None:
        known = [pin.name for pin in draft.run.pinned.tools] + sorted(control_tools.INTRINSICS)
        tools = ", ".join(known)
        return Fault("unknown_tool", draft.model("unknown_tool", tool=call.name, tools=tools))
    if call.problem:
        return Fault(MALFORMED, draft.model("not_json", problem=call.problem))
    return None


def _not_yet(draft: Draft) -> str:
    return draft.model("new_message" if draft.run.inbox else "call_alone")


def _repeats_too_often(draft: Draft, call: ProposedCall) -> bool:
    """End the run where the same call was proposed more often than allowed [57]."""
    run = draft.run
    allowed = run.limits.max_identical_calls
    made = run.loop.repeats.get(signature(call.name, call.arguments), 0)
    if allowed is None or made <= allowed:
        return False
    endings.limit_reached(draft, "max_identical_calls", made, allowed)
    return True


def _count_flaw(draft: Draft, model_call_id: str) -> None:
    draft.say(
        j.ReflectionRecorded(
            passed=False,
            issues=(draft.model("call_refused"),),
            next_action=draft.model("correct_the_call"),
            model_call_id=model_call_id,
        )
    )


def _said(text: Content | None) -> str:
    return (text.inline or b"").decode("utf-8", "replace")[:200] if text else ""
