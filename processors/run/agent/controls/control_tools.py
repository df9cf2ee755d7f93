"""The calls that a run answers itself: the exit tools, a question to a person, the plan [4, 51].

They are offered to every model beside the agent's tools; the model cannot finish without one of
the exit tools, so completion is never guessed from a last sentence.
"""

from __future__ import annotations

from typing import Any

from runfold.events.border import json_value
from runfold.events.calls import ToolSchema
from runfold.events.contents.content import canonical_json
from runfold.events.json_schema import loaded
from runfold.events.values import Plan, PlanStep, ProposedCall
from runfold.processors.run.wording import for_model

COMPLETE = "complete_task"
FAIL = "fail_task"
ASK = "ask_human"
PLAN = "update_plan"
EXITS = frozenset({COMPLETE, FAIL})
INTRINSICS = frozenset({COMPLETE, FAIL, ASK, PLAN})


def _schema(properties: dict[str, Any], required: list[str]) -> str:
    return canonical_json({"type": "object", "properties": properties, "required": required})


_TEXT = {"type": "string"}
_STEP = {
    "type": "object",
    "properties": {
        "id": _TEXT,
        "description": _TEXT,
        "status": {"enum": ["pending", "in_progress", "done", "dropped"]},
        "tool": _TEXT,
    },
    "required": ["id", "description", "status"],
}

SCHEMAS: tuple[ToolSchema, ...] = (
    ToolSchema(
        name=COMPLETE,
        description="Finish the task. Call it alone, when the goal is met, with the final result.",
        input_schema=_schema(
            {
                "summary": {**_TEXT, "description": "the result in a few sentences"},
                "result": {"type": "object", "description": "structured result, if any"},
                "artifacts": {"type": "array", "items": _TEXT},
            },
            ["summary"],
        ),
    ),
    ToolSchema(
        name=FAIL,
        description="Give the task up. Call it alone, when the goal cannot be met, and say why.",
        input_schema=_schema({"reason": _TEXT, "result": {"type": "object"}}, ["reason"]),
    ),
    ToolSchema(
        name=ASK,
        description="Ask a person for information that only they have, and wait for the answer.",
        input_schema=_schema(
            {"question": _TEXT, "options": {"type": "array", "items": _TEXT}}, ["question"]
        ),
    ),
    ToolSchema(
        name=PLAN,
        description="Record or revise your plan, so that people can follow it.",
        input_schema=_schema(
            {"steps": {"type": "array", "items": _STEP, "minItems": 1}}, ["steps"]
        ),
    ),
)


def arguments_of(call: ProposedCall) -> dict[str, Any] | None:
    """Return a call's arguments as an object, or None if they are not one."""
    if call.problem or call.arguments.inline is None:
        return None
    try:
        found = loaded(call.arguments.inline)
    except ValueError:
        return None
    # An escape can hide half a character, which no fact could hold.
    return json_value(found) if isinstance(found, dict) else None


def fault_of(call: ProposedCall, behaviour: int) -> str | None:
    """Return what is wrong with an intrinsic call's arguments, in words for the model."""
    arguments = arguments_of(call)
    if arguments is None:
        return call.problem or for_model(behaviour, "not_an_object")
    field = {COMPLETE: "summary", FAIL: "reason", ASK: "question"}.get(call.name)
    if field and not (isinstance(arguments.get(field), str) and arguments[field].strip()):
        return for_model(behaviour, "needs_text", tool=call.name, field=field)
    if call.name == PLAN and _steps(arguments) is None:
        return for_model(behaviour, "needs_steps")
    return None


def plan_of(call: ProposedCall, plan_id: str) -> Plan:
    """Return the plan of a faultless ``update_plan`` call."""
    steps = _steps(arguments_of(call) or {})
    return Plan(plan_id=plan_id, steps=steps or ())


def _steps(arguments: dict[str, Any]) -> tuple[PlanStep, ...] | None:
    given = arguments.get("steps")
    if not isinstance(given, list) or not given:
        return None
    steps = []
    for step in given:
        if not isinstance(step, dict):
            return None
        said = [step.get(name) for name in ("id", "description", "status")]
        tool = step.get("tool")
        if not all(isinstance(word, str) for word in said) or not isinstance(tool, str | None):
            return None
        steps.append(
            PlanStep(id=str(said[0]), description=str(said[1]), status=str(said[2]), tool=tool)
        )
    return tuple(steps)
