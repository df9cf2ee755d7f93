"""What a step is called with, and what a flow ends with."""

from __future__ import annotations

from typing import Any

from runfold.events.contents.content import Content, canonical_json
from runfold.events.definitions.agents.flow import Flow, FlowStep
from runfold.events.json_schema import loaded
from runfold.events.run import StepOutcome
from runfold.processors.run.draft import Draft
from runfold.processors.run.state import Live, Step


def input_of(draft: Draft, flow: Flow, step: FlowStep) -> dict[str, Any]:
    """Return the arguments of a step's call.

    Without an ``input`` a step is asked for the run's goal: alone where it waits for nothing, else
    as JSON with its own name and the results of the steps that it waits for.
    """
    if step.input is not None:
        return step.input
    goal = _goal_of(draft.run)
    results = {
        each.id: _shown(_steps(draft.run)[each.id])
        for each in flow.steps
        if each.id in step.depends_on
    }
    if not results:
        return {"goal": goal}
    return {"goal": canonical_json({"goal": goal, "step": step.id, "results": results})}


def results_of(run: Live, flow: Flow) -> dict[str, Any]:
    """Return what a flow ends with: the results of the steps that none waits for, by name."""
    waited_for = {name for step in flow.steps for name in step.depends_on}
    last = [step.id for step in flow.steps if step.id not in waited_for]
    return {"results": {name: _shown(_steps(run)[name]) for name in last}}


def _steps(run: Live) -> dict[str, Step]:
    return dict(run.loop.flow.steps) if run.loop.flow else {}


def _goal_of(run: Live) -> str:
    said = next((each.content for each in run.inbox if each.kind == "goal"), run.request.goal)
    return (said.inline or b"").decode("utf-8", "replace")


def _shown(step: Step) -> Any:
    """Return a step's result as JSON has it; what is no JSON is a text, what is elsewhere named."""
    if step.outcome is StepOutcome.SKIPPED or step.result is None:
        return None
    return _value(step.result)


def _value(content: Content) -> Any:
    if content.inline is None:
        return {"artifact": content.ref}
    try:
        return loaded(content.inline)
    except ValueError:
        return content.inline.decode("utf-8", "replace")
