"""What tools answer: structured, and the same in words; errors say what to do."""

from __future__ import annotations

import json
from typing import Any

from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel, ConfigDict

from runfold.events.json_schema import SchemaRefusedError, UncheckableError, compiled
from runfold.surfaces.application import shapes
from runfold.surfaces.application.shapes.base import Json
from runfold.surfaces.http.refusals.codes import CODES
from runfold.surfaces.http.refusals.problems import Problem, problem_of
from runfold.surfaces.mcp.bounded import bounded, plain, short


class Ran(BaseModel):
    """What came of a run so far: how it ended, or what it waits for and what to do then."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: str
    agent: str
    status: str
    ended: bool
    exit_code: int | None = None
    payload: Json = None
    waits_for: tuple[shapes.Wait, ...] = ()
    next: str
    uri: str


class Decided(BaseModel):
    """What became of a control: ``on_record`` is false where it is durable and not yet decided."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: str
    on_record: bool
    applied: bool | None
    event: str | None
    seq: int | None
    text: str


def ran_schema(result: dict[str, Any] | None) -> dict[str, Any]:
    """Return the schema of what an agent's tool answers; ``result`` is what the agent declares."""
    schema = Ran.model_json_schema(mode="serialization")
    if result is not None:
        payload = {"type": "object", "properties": {"result": result}}
        schema["properties"]["payload"] = {"anyOf": [{"type": "null"}, payload]}
    return schema


def told(value: object, text: str | None = None) -> CallToolResult:
    """Return a result: structured, and as text."""
    said = bounded(plain(value))
    words = json.dumps(said, ensure_ascii=False) if text is None else text
    return CallToolResult(content=[TextContent(type="text", text=words)], structured_content=said)


def came_to(ran: Ran, result: dict[str, Any] | None = None) -> CallToolResult:
    """Return what came of a run; one that failed is an error, as is a result that does not fit."""
    said = Ran.model_validate(bounded(plain(ran)))
    payload = said.payload if isinstance(said.payload, str) else _words(said.payload)
    text = short(f"{payload}\n\n{said.next}" if said.ended else said.next)
    if ran.ended and ran.status != "completed":
        return CallToolResult(
            content=[TextContent(type="text", text=text)], is_error=True, _meta=_of_run(ran)
        )
    if ran.ended and result is not None and (fault := _fault(ran.payload, result)):
        text = f"The agent's result does not fit what it declares: {fault}.\n\n{text}"
        return CallToolResult(
            content=[TextContent(type="text", text=text)], is_error=True, _meta=_of_run(ran)
        )
    found = told(said, text)
    found.meta = _of_run(ran)
    return found


def failed(error: Exception) -> CallToolResult:
    """Return an error that a model can act on."""
    problem = problem_of(error)
    kind = CODES[problem.code]
    text = f"{problem.code}: {short(problem.detail, 4_000)} {kind.helps}"
    meta = {"code": problem.code, "retryable": kind.retryable, "run_id": problem.run_id}
    return CallToolResult(
        content=[TextContent(type="text", text=text)],
        is_error=True,
        _meta={"runfold/problem": meta},
    )


def is_bug(error: Exception) -> bool:
    """Whether an error is one that nobody expected."""
    return not isinstance(error, Problem) and problem_of(error).code == "internal"


def _of_run(ran: Ran) -> dict[str, Any]:
    return {"runfold/run_id": ran.run_id, "runfold/status": ran.status}


def _words(payload: Any) -> str:
    if isinstance(payload, dict) and set(payload) == {"summary"}:
        return str(payload["summary"])
    return json.dumps(payload, ensure_ascii=False, indent=1)


def _fault(payload: Any, schema: dict[str, Any]) -> str:
    """Return why the result within a payload does not fit, empty where it does or is not there."""
    if not isinstance(payload, dict):
        return "it is no object"
    if "result" not in payload:
        return ""
    try:
        faults = compiled(schema).faults(payload["result"])
    except (SchemaRefusedError, UncheckableError) as error:
        return str(error)
    return f"{faults[0].place}: {faults[0].text}" if faults else ""
