"""What a flow does next: steps end with their calls, those that waited for them begin [6-9].

A step is a call like any other: it is judged, approved, paced, tried again and shown as one that a
model proposed. What succeeded stays; a step that failed is begun again by itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from runfold.events import run as j
from runfold.events.contents.content import json_content
from runfold.events.definitions.agents.flow import FlowStep
from runfold.events.run import StepOutcome
from runfold.events.values import ErrorInfo, ProposedCall
from runfold.processors.run.agent.tools.proposed_calls import propose_one
from runfold.processors.run.behaviour import BY_TREE
from runfold.processors.run.draft import Draft
from runfold.processors.run.flow.inputs import input_of, results_of
from runfold.processors.run.lifecycle import endings
from runfold.processors.run.policy.withdrawn import withdrawn_agent
from runfold.processors.run.state import CallStatus, FlowState, RoundCall, Step


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
    named = {step.id: step for step in flow.steps}
    begun = False
    for step in flow.steps:
        if not draft.has_ended():
            begun |= _begin(draft, named, step)
    if not begun and not draft.has_ended() and all(each.is_over for each in _state(draft).values()):
        endings.complete(draft, json_content(results_of(draft.run, flow)))
    return begun


def _state(draft: Draft) -> Mapping[str, Step]:
    return (draft.run.loop.flow or FlowState()).steps


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


def _begin(draft: Draft, named: Mapping[str, FlowStep], step: FlowStep) -> bool:
    """Begin a step that waits for nothing more, or skip it; return whether anything was said."""
    known = _state(draft)
    stands = known[step.id]
    if stands.is_out or stands.is_over:
        return False
    if not all(known[name].is_over for name in step.depends_on):
        return False
    if any(_skips(named[name], known[name]) for name in step.depends_on):
        draft.say(j.StepEnded(step=step.id, outcome=StepOutcome.SKIPPED))
        return True
    call_id = draft.next_call_id()
    draft.say(j.StepStarted(step=step.id, attempt=stands.attempt + 1, call_id=call_id))
    arguments = json_content(input_of(draft, step))
    propose_one(draft, ProposedCall(id=step.id, name=step.tool, arguments=arguments), step.id)
    return True


def _skips(step: FlowStep, stands: Step) -> bool:
    """Whether what depends on a step that is over is skipped, as it was itself or failed so."""
    failed = stands.outcome is StepOutcome.FAILED and step.on_error == "skip"
    return failed or stands.outcome is StepOutcome.SKIPPED


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
