"""What a step is called with, and what a flow ends with."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from runfold.events.contents.content import canonical_json
from runfold.events.definitions.agents.flow import Flow, FlowStep
from runfold.events.json_schema import loaded
from runfold.events.run import StepOutcome
from runfold.processors.run.draft import Draft
from runfold.processors.run.state import Live, Step

MOST_GIVEN = 60_000
"""How many bytes of earlier results a step is given together; the goal of a run has a bound."""

MOST_GOAL = 30_000
"""How many bytes of the run's goal a step is given beside them."""

MOST_RETURNED = 400_000
"""How many bytes of results a flow ends with; its end is one record."""


def input_of(draft: Draft, step: FlowStep) -> dict[str, Any]:
    """Return the arguments of a step's call.

    Without an ``input`` a step is asked for the run's goal: alone where it waits for nothing, else
    as JSON with its own name and the results of the steps that it waits for.
    """
    if step.input is not None:
        return step.input
    goal = _goal_of(draft.run)
    results = _shown(draft.run, step.depends_on, MOST_GIVEN)
    if not results:
        return {"goal": goal}
    goal = goal.encode()[:MOST_GOAL].decode("utf-8", "ignore")
    return {"goal": canonical_json({"goal": goal, "step": step.id, "results": results})}


def results_of(run: Live, flow: Flow) -> dict[str, Any]:
    """Return what a flow ends with: the results of the steps that none waits for, by name."""
    waited_for = {name for step in flow.steps for name in step.depends_on}
    last = [step.id for step in flow.steps if step.id not in waited_for]
    return {"results": _shown(run, last, MOST_RETURNED)}


def _shown(run: Live, names: Collection[str], most: int) -> dict[str, Any]:
    """Return the results of steps by name; each has an equal part of what there may be."""
    steps = run.loop.flow.steps if run.loop.flow else {}
    return {name: _result(steps[name], most // len(names)) for name in names}


def _goal_of(run: Live) -> str:
    said = next((each.content for each in run.inbox if each.kind == "goal"), run.request.goal)
    return (said.inline or b"").decode("utf-8", "replace")


def _result(step: Step, most: int) -> Any:
    """Return a step's result as JSON has it; what is no JSON is a text, what is elsewhere named."""
    content = step.result
    if step.outcome is StepOutcome.SKIPPED or content is None:
        return None
    if content.inline is None:
        return {"artifact": content.ref}
    if len(content.inline) > most:
        beginning = content.inline[: most // 2].decode("utf-8", "replace")
        return {"excerpt": beginning, "bytes": len(content.inline)}
    try:
        return _whole(loaded(content.inline))
    except ValueError:
        return content.inline.decode("utf-8", "replace")


def _whole(value: Any) -> Any:
    """Return a value whose texts are all Unicode: JSON can write halves of characters."""
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case list():
            return [_whole(each) for each in value]
        case dict():
            return {_whole(name): _whole(each) for name, each in value.items()}
        case _:
            return value
