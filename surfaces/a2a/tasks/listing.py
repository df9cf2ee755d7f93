"""Lists of tasks, from the views: the newest run first."""

from __future__ import annotations

from datetime import UTC

from a2a.types.a2a_pb2 import ListTasksRequest, ListTasksResponse, Task, TaskState, TaskStatus
from a2a.utils.errors import InvalidParamsError

from runfold.projections.queries import Views
from runfold.surfaces.a2a.calling import Call
from runfold.surfaces.a2a.messages.parts import struct_of
from runfold.surfaces.a2a.tasks.folding import moment
from runfold.surfaces.a2a.tasks.states import state_of_status, statuses_of
from runfold.surfaces.a2a.tasks.tasks import Tasks
from runfold.surfaces.application import shapes
from runfold.surfaces.application.runs.reading.lists import RunOptions, list_runs
from runfold.surfaces.http.access import identity
from runfold.surfaces.http.access.identity import need_scope
from runfold.surfaces.http.gateway import Gateway
from runfold.surfaces.http.reading import paging

_USUAL = 50
_MOST = 100
_LOOKED_AT = 1_000
"""How many runs a list is made from at most: what is filtered is among so many."""


async def list_tasks(
    gateway: Gateway, tasks: Tasks, call: Call, params: ListTasksRequest
) -> ListTasksResponse:
    """Return some tasks of an agent; raises InvalidParamsError and Problem.

    ``total_size`` counts up to a thousand.
    """
    need_scope(call.caller, identity.READ)
    size = params.page_size if params.HasField("page_size") else _USUAL
    if not 1 <= size <= _MOST:
        raise InvalidParamsError(f"pageSize: from 1 to {_MOST}.")
    if len(params.context_id) > 255 or not params.context_id.isprintable():
        raise InvalidParamsError("contextId: up to 255 printable characters.")
    filters = {"agent": call.agent.name, "context": params.context_id, "state": str(params.status)}
    place = paging.place_of(params.page_token, filters) if params.page_token else None
    found = await gateway.ask(call.caller, lambda views: _found(views, call, params))
    after = [each for each in found if place is None or _key(each) < tuple(place)]
    page = after[:size]
    answer = ListTasksResponse(page_size=size, total_size=len(found))
    history = params.history_length if params.HasField("history_length") else 0
    for each in page:
        whole = bool(history) or params.include_artifacts
        answer.tasks.append(
            await tasks.get(call, each.run_id, history) if whole else _summary(each)
        )
    if len(after) > size:
        last = paging.Place(page[-1].created_at, page[-1].run_id)
        answer.next_page_token = paging.cursor(last, filters)
    return answer


def _found(views: Views, call: Call, params: ListTasksRequest) -> list[shapes.RunSummary]:
    which: RunOptions = {"agent": call.agent.name, "thread_id": params.context_id or None}
    wanted = statuses_of(params.status) if params.status else ()
    if params.status and not wanted:
        return []
    if len(wanted) == 1:
        which["status"] = wanted[0].value
    since = params.status_timestamp_after if params.HasField("status_timestamp_after") else None
    moment_after = since.ToDatetime(UTC) if since is not None else None
    return [
        each
        for each in list_runs(views, _LOOKED_AT, **which)
        if (not params.status or state_of_summary(each) == params.status)
        and (moment_after is None or each.updated_at >= moment_after)
    ]


def state_of_summary(found: shapes.RunSummary) -> TaskState:
    """Return the state of a task, as lists know it."""
    # Only a run that was refused at the door has ended before any model was pinned for it.
    refused = found.exit_code == 2 and found.agent_version is None
    return TaskState.TASK_STATE_REJECTED if refused else state_of_status(found.status)


def _summary(found: shapes.RunSummary) -> Task:
    return Task(
        id=found.run_id,
        context_id=found.thread_id or found.run_id,
        status=TaskStatus(state=state_of_summary(found), timestamp=moment(found.updated_at)),
        metadata=struct_of({"runfold": {"seq": found.seq, "status": found.status.value}}),
    )


def _key(found: shapes.RunSummary) -> tuple[object, ...]:
    return found.created_at, found.run_id
