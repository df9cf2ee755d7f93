"""What a flow does next: steps end with their calls, those that waited for them begin [6-9].

A step is a call like any other: it is judged, approved, paced, tried again and shown as one that a
model proposed. What succeeded stays; a step that failed is begun again by itself.
"""

from __future__ import annotations

from runfold.events import run as j
from runfold.events.contents.content import json_content
from runfold.events.definitions.agents.flow import Flow, FlowStep
from runfold.events.run import StepOutcome
from runfold.events.values import ErrorInfo, ProposedCall
from runfold.processors.run.agent.tools.proposed_calls import propose_one
from runfold.processors.run.behaviour import BY_TREE
from runfold.processors.run.draft import Draft
from runfold.processors.run.flow.inputs import input_of, results_of
from runfold.processors.run.lifecycle import endings
from runfold.processors.run.policy.withdrawn import withdrawn_agent
from runfold.processors.run.state import CallStatus, FlowState, RoundCall, Step

_GOES_ON = frozenset({StepOutcome.SUCCEEDED, StepOutcome.SKIPPED})


def begin(draft: Draft) -> None:
    """Put the steps of a run on record that is a flow."""
    flow = draft.agent().flow if draft.behaviour >= BY_TREE else None
    if flow is not None:
        draft.say(
            j.FlowStarted(
                steps=tuple(
                    j.PlannedStep(step=step.id, tool=step.tool, depends_on=step.depends_on)
                    for step in flow.steps
                )
            )
        )


def advance(draft: Draft) -> bool:
    """Let steps end and begin; return whether a call may have to begin now."""
    flow = draft.agent().flow
    assert flow is not None
    for step in flow.steps:
        _end(draft, step)
    if failed := next((step for step in flow.steps if _ends_run(draft, step)), None):
        _fail(draft, failed)
        return False
    if error := withdrawn_agent(draft):
        endings.fail(draft, endings.EXIT_WITHDRAWN, error)
        return False
    begun = [step for step in flow.steps if not draft.has_ended() and _begin(draft, flow, step)]
    if not begun and not draft.has_ended() and all(each.is_over for each in _state(draft).values()):
        endings.complete(draft, json_content(results_of(draft.run, flow)))
    return bool(begun)


def _state(draft: Draft) -> dict[str, Step]:
    found = draft.run.loop.flow
    return dict((found or FlowState()).steps)


def _end(draft: Draft, step: FlowStep) -> None:
    """Let a step end whose call is closed."""
    stands = _state(draft)[step.id]
    call = draft.run.loop.call(stands.call_id) if stands.call_id else None
    if not isinstance(call, RoundCall) or call.status is not CallStatus.CLOSED:
        return
    outcome = StepOutcome.SUCCEEDED
    if call.is_error:
        again = stands.attempt < step.attempts and call.consent.approval != "denied"
        outcome = StepOutcome.RETRIED if again else StepOutcome.FAILED
    draft.say(j.StepEnded(step=step.id, outcome=outcome, call_id=call.call_id))


def _ends_run(draft: Draft, step: FlowStep) -> bool:
    return step.on_error == "fail" and _state(draft)[step.id].outcome is StepOutcome.FAILED


def _begin(draft: Draft, flow: Flow, step: FlowStep) -> bool:
    """Begin a step that waits for nothing more, or skip it; return whether anything was said."""
    known = _state(draft)
    stands = known[step.id]
    if stands.is_out or stands.is_over:
        return False
    before = [(each, known[each.id]) for each in flow.steps if each.id in step.depends_on]
    if not all(waits.is_over for _, waits in before):
        return False
    if any(waits.outcome not in _GOES_ON and each.on_error == "skip" for each, waits in before):
        draft.say(j.StepEnded(step=step.id, outcome=StepOutcome.SKIPPED))
        return True
    call_id = draft.next_call_id()
    draft.say(j.StepStarted(step=step.id, attempt=stands.attempt + 1, call_id=call_id))
    arguments = json_content(input_of(draft, flow, step))
    propose_one(draft, ProposedCall(id=step.id, name=step.tool, arguments=arguments), step.id)
    return True


def _fail(draft: Draft, step: FlowStep) -> None:
    stands = _state(draft)[step.id]
    error = ErrorInfo(
        error_type="step_failed",
        message=draft.people("step_failed", step=step.id, attempts=stands.attempt),
        retryable=False,
        suggested_next_action=draft.people("look_at_the_step"),
    )
    said = stands.result
    payload = {"error": error.model_dump(mode="json", exclude_none=True), "step": step.id}
    if said is not None and said.inline is not None:
        payload["result"] = said.inline.decode("utf-8", "replace")
    endings.fail(draft, endings.EXIT_GAVE_UP, error, json_content(payload))
