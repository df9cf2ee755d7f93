"""Tasks (`io.modelcontextprotocol/tasks`): a run is the task, under the run's own id.

Nothing is kept for them: a task is there from the moment that its run was acknowledged, for as long
as the run's record is kept, at any gateway.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from mcp.shared.exceptions import MCPError
from mcp.types import RequestParams
from mcp_types import MISSING_REQUIRED_CLIENT_CAPABILITY
from pydantic import Field

from runfold.events.values import RunStatus
from runfold.producers.identity import made_at
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import RunEndedError
from runfold.surfaces.application.runs.reading.lists import plain_id
from runfold.surfaces.http.access.identity import READ, WRITE, need_scope
from runfold.surfaces.mcp.asking import TASKS, Asking
from runfold.surfaces.mcp.bounded import short
from runfold.surfaces.mcp.tools.deciding import answer_in, controlled, decide_by, form_of, in_a_form
from runfold.surfaces.mcp.tools.following import ran, where_it_stands
from runfold.surfaces.mcp.tools.results import came_to

_POLL_MS = 1_000


class TaskParams(RequestParams):
    """Which task."""

    task_id: str = Field(alias="taskId", max_length=100)


class UpdateParams(TaskParams):
    """What a person said to the forms of a task."""

    input_responses: dict[str, Any] = Field(alias="inputResponses", default_factory=dict)


async def created(asking: Asking, run_id: str) -> dict[str, Any]:
    """Return the task of a run that was acknowledged, in the place of a result."""
    found = await where_it_stands(asking, run_id)
    return {"resultType": "task", **_task(found)}


def begun(run_id: str) -> dict[str, Any]:
    """Return a task of which nothing is shown but that it was asked for."""
    at = (made_at(run_id) or datetime.now(UTC)).isoformat()
    return {
        "resultType": "task",
        "taskId": run_id,
        "status": "working",
        "createdAt": at,
        "lastUpdatedAt": at,
        "ttlMs": None,
        "pollIntervalMs": _POLL_MS,
    }


async def get(asking: Asking, params: TaskParams) -> dict[str, Any]:
    """Return where a task stands, with its result once there is one."""
    _need_extension(asking)
    need_scope(asking.caller, READ)
    run_id = plain_id(params.task_id)
    await asking.gateway.note_read(asking.caller, "MCP tasks/get", run_id)
    found = await where_it_stands(asking, run_id)
    said = {"resultType": "complete", **_task(found)}
    wait = in_a_form(found.waits_for)
    if said["status"] == "input_required" and wait is not None:
        form = form_of(wait, found.agent).model_dump(by_alias=True, mode="json", exclude_none=True)
        said["inputRequests"] = {wait.call_id: form}
    if said["status"] == "completed":
        result = came_to(ran(found)).model_dump(by_alias=True, mode="json", exclude_none=True)
        said["result"] = {"resultType": "complete", **result}
    return said


async def update(asking: Asking, params: UpdateParams) -> dict[str, Any]:
    """Decide what the answers of a person say, where it is still open."""
    _need_extension(asking)
    found = await where_it_stands(asking, plain_id(params.task_id))
    for wait in found.waits_for:
        said = answer_in(params.input_responses.get(wait.call_id))
        if said is not None and asking.may_elicit and in_a_form((wait,)) is not None:
            await decide_by(asking, found.run_id, wait, said)
    return {"resultType": "complete"}


async def cancel(asking: Asking, params: TaskParams) -> dict[str, Any]:
    """End the run of a task; one that has ended stays as it is."""
    _need_extension(asking)
    need_scope(asking.caller, WRITE)
    run_id = plain_id(params.task_id)
    with suppress(RunEndedError):
        await controlled(asking, run_id, lambda c: c.cancel(run_id, "cancelled by an MCP client"))
    return {"resultType": "complete"}


def _task(found: shapes.RunDetail) -> dict[str, Any]:
    return {
        "taskId": found.run_id,
        "status": _status(found),
        "statusMessage": short(found.last_action, 300),
        "createdAt": found.created_at.isoformat(),
        "lastUpdatedAt": found.updated_at.isoformat(),
        "ttlMs": None,
        "pollIntervalMs": _POLL_MS,
    }


def _status(found: shapes.RunDetail) -> str:
    if found.exit is None:
        # What no form can decide is for a person elsewhere: the client can only wait.
        return "input_required" if in_a_form(found.waits_for) is not None else "working"
    # `failed` is for requests that failed: a run that failed is a result that says so.
    return "cancelled" if found.status is RunStatus.CANCELLED else "completed"


def _need_extension(asking: Asking) -> None:
    if not asking.takes_tasks:
        raise MCPError(
            MISSING_REQUIRED_CLIENT_CAPABILITY,
            f"This needs the extension {TASKS}, which the client has not declared.",
            {"requiredCapabilities": {"extensions": {TASKS: {}}}},
        )
