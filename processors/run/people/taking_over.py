"""A person answers in the model's or a tool's place, and hands the run back [49].

    model answers ──TakeOverRun──▶ held by one person ──HandBackRun, or nothing done in time──▶ …
                                     │         ▲
                                     └─────────┘  ReplyAsModel, GiveResult

While a run is held no model is called. What a person proposes is judged as a model's proposals are.
"""

from __future__ import annotations

from runfold.events import run as j
from runfold.events.calls.children import RunSignal
from runfold.events.contents.content import text
from runfold.events.records import commands
from runfold.events.wording import coded
from runfold.processors.engine.aggregate import Timer
from runfold.processors.run.agent import checkpoints
from runfold.processors.run.agent.calls.reservations import release
from runfold.processors.run.behaviour import AT_STAKE, TAKE_OVER
from runfold.processors.run.children import signals
from runfold.processors.run.draft import Draft
from runfold.processors.run.ids import after
from runfold.processors.run.people import replying, results_given
from runfold.processors.run.policy import tainted
from runfold.processors.run.state import CallStatus, JudgeCall, Live, ModelCall, RoundCall

HOLD = "takeover"
"""The kind of the deadline of a run that a person holds, with the number of things they did."""

_ANSWERABLE = frozenset({CallStatus.APPROVED, CallStatus.HELD, CallStatus.RUNNING})
"""Where a call stands that a person may answer: it was permitted, and its result is not there."""


def applied(draft: Draft, control: commands.Control) -> str | None:
    """Apply a control of this room; return why not, empty where it was, None for other controls."""
    match control:
        case commands.TakeOverRun():
            return _refusal(draft) or _take(draft, control)
        case commands.ReplyAsModel():
            return _refusal(draft) or _not_holder(draft, control) or replying.reply(draft, control)
        case commands.GiveResult():
            return _refusal(draft) or _not_holder(draft, control) or _give(draft, control)
        case commands.HandBackRun():
            return _refusal(draft) or _not_holder(draft, control) or _return(draft, control)
        case _:
            return None


def timer(run: Live) -> Timer | None:
    """Return when a run goes back to its model that its holder has forgotten."""
    held = run.idle.held
    return None if held is None else Timer(held.until, f"{HOLD}{held.acts}", run.run_id)


def forgotten(draft: Draft, due: Timer) -> bool:
    """Hand a run back whose holder did nothing in time; return whether the deadline is of that."""
    if not due.kind.startswith(HOLD):
        return False
    standing = timer(draft.run)
    if standing is not None and standing.kind == due.kind:
        held = draft.run.idle.held
        assert held is not None
        _hand_back(draft, held.by, draft.people("hold_is_over"), None)
    return True


def _refusal(draft: Draft) -> str:
    if draft.behaviour < TAKE_OVER:
        # Coded in every behaviour: no run of an older one ever heard of it.
        return coded("begun_before_take_over", {})
    if draft.run.loop.flow is not None:
        return draft.people("flow_has_no_model")
    return "" if draft.run.started else draft.people("has_not_begun")


def _not_holder(draft: Draft, control: commands.Control) -> str:
    held = draft.run.idle.held
    if held is None:
        return draft.people("not_taken_over")
    return "" if held.by == control.actor_id else draft.people("held_by", by=held.by)


def _take(draft: Draft, control: commands.TakeOverRun) -> str:
    held = draft.run.idle.held
    if held is not None:
        code = "held_by_you" if held.by == control.actor_id else "held_by"
        return draft.people(code, by=held.by)
    if not control.actor_id.strip():
        return draft.people("nobody_takes_over")
    hold_ms = min(max(control.hold_ms, commands.SHORTEST_HOLD_MS), commands.LONGEST_HOLD_MS)
    draft.say(
        j.RunTakenOver(
            request_id=control.request_id,
            reason=control.reason,
            by=control.actor_id,
            hold_ms=hold_ms,
            until=after(draft.env.now, hold_ms),
            notice=text(draft.model("taken_over")),
        )
    )
    _withdraw_own(draft)
    _answer_brakes(draft, control)
    checkpoints.write(draft)
    return ""


def _withdraw_own(draft: Draft) -> None:
    """Wait no more for what the model was asked, or for what it was to be shown."""
    for call in draft.run.loop.calls:
        if call.answers_model:
            continue
        draft.say(j.CallWithdrawn(call_id=call.call_id, attempt=call.attempt, kind=call.kind))
        if isinstance(call, ModelCall | JudgeCall) and not _stays_set_aside(draft, call):
            release(draft, call.call_id)


def _stays_set_aside(draft: Draft, call: ModelCall | JudgeCall) -> bool:
    """Whether the money for a withdrawn call is not free yet: somebody makes it, and it costs."""
    if draft.behaviour < AT_STAKE:
        return isinstance(call, JudgeCall)
    return call.status is CallStatus.RUNNING


def _answer_brakes(draft: Draft, control: commands.TakeOverRun) -> None:
    """Whoever takes a run over that a brake holds has answered it."""
    for call in draft.run.loop.round:
        if call.status is CallStatus.ASKED and call.proposal.by_brake:
            draft.say(
                j.HumanInputReceived(
                    question_id=call.call_id,
                    content=text(draft.model("answered_by_taking_over")),
                    request_id=control.request_id,
                )
            )


def _give(draft: Draft, control: commands.GiveResult) -> str:
    call = draft.run.loop.call(control.call_id)
    if not isinstance(call, RoundCall):
        return draft.people("no_call_to_answer_for", call=control.call_id)
    if call.status not in _ANSWERABLE:
        return draft.people("not_answerable_for", call=call.call_id, status=call.status.value)
    contract = draft.contract(call.tool)
    if fault := results_given.fault_of(draft, contract, control.result, failed=control.failed):
        return draft.people("result_not_usable", fault=fault)
    draft.say(
        j.ResultGiven(
            call_id=call.call_id,
            attempt=call.attempt,
            tool=call.tool,
            result=control.result,
            request_id=control.request_id,
            by=control.actor_id,
            failed=control.failed,
            untrusted=tainted.taints(draft, call.tool),
        )
    )
    if call.child is not None:
        said = draft.people("result_was_given")
        signals.send(draft, call, RunSignal.CANCEL, control.request_id, said)
        release(draft, call.call_id)
    checkpoints.write(draft)
    return ""


def _return(draft: Draft, control: commands.HandBackRun) -> str:
    _hand_back(draft, control.actor_id, control.reason, control.request_id)
    return ""


def _hand_back(draft: Draft, by: str, reason: str, request_id: str | None) -> None:
    notice = text(draft.model("handed_back"))
    draft.say(j.RunHandedBack(by=by, reason=reason, request_id=request_id, notice=notice))
