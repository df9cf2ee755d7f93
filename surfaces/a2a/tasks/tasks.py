"""Tasks: where one stands, and what becomes of it. Whatever is said of one is folded from its run.

A run of another tenant, or of another agent, is no task: it is not there.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable

from a2a.types.a2a_pb2 import Task, TaskState
from a2a.utils.errors import TaskNotFoundError, UnsupportedOperationError

from runfold.events.contents.content import Content
from runfold.events.run import Event
from runfold.surfaces.a2a.calling import Call
from runfold.surfaces.a2a.closing import closed
from runfold.surfaces.a2a.tasks.folding import TaskFold, submitted
from runfold.surfaces.a2a.tasks.states import TERMINAL, WAITING
from runfold.surfaces.a2a.tasks.updates import Update, updates
from runfold.surfaces.application.errors import NotFoundError
from runfold.surfaces.application.runs import async_follow
from runfold.surfaces.application.runs.reading.accepted import only_asked_for, request_of
from runfold.surfaces.application.scope import TenantScope
from runfold.surfaces.http.gateway import Gateway

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BEGINS_WITHIN_S = 3600.0


class Tasks:
    """The tasks of agents, which are at addresses by their names; raises TaskNotFoundError and
    errors of runs.
    """

    def __init__(self, gateway: Gateway, address: Callable[[str], str]) -> None:
        self._gateway = gateway
        self._address = address

    async def fold(self, call: Call, task_id: str, until: int | None = None) -> TaskFold:
        """Return a task as its run's journal has it, up to an event; empty where it only begins."""
        client, scope = self._gateway.client(call.caller), TenantScope(call.caller.tenant_id)
        address = self._address(call.name)
        task = TaskFold(lambda run_id, held: f"{address}/tasks/{run_id}/artifacts/{held}")
        try:
            async for event in async_follow.journal_of(client, scope, checked(task_id)):
                if until is not None and event.meta.seq > until:
                    break
                task.take(event)
        except NotFoundError:
            await self._asked_for(call, task_id)
            return task
        if task.seq and not call.is_of(task.detail.agent):
            raise TaskNotFoundError
        return task

    async def get(self, call: Call, task_id: str, history: int | None = None) -> Task:
        """Return a task with so many of its newest messages."""
        task = await self.fold(call, task_id)
        return task.task(history) if task.seq else await self._asked_for(call, task_id)

    async def held(self, call: Call, task_id: str, artifact_id: str) -> Content:
        """Return what lies in the artifact store as an artifact of a task; raises NotFoundError."""
        found = (await self.fold(call, task_id)).held.get(artifact_id)
        if found is None:
            raise NotFoundError("The task has no artifact of this id whose bytes are kept.")
        return found

    async def settled(self, call: Call, task_id: str, history: int | None) -> Task:
        """Return a task once it ended or needs somebody, and in good time as it is then."""
        seconds = self._gateway.use.limits.longest_wait_s
        try:
            async with asyncio.timeout(seconds), closed(self.stream(call, task_id)) as coming:
                async for _ in coming:
                    pass
        except TimeoutError:
            pass
        return await self.get(call, task_id, history)

    async def subscribe(self, call: Call, task_id: str) -> AsyncIterator[Task | Update]:
        """Yield a task as it is, or was after the last event known, and its updates to its end."""
        coming = self.stream(call, task_id, after=call.after, to_the_end=True)
        async with closed(coming):
            async for each in coming:
                yield each

    async def stream(
        self, call: Call, task_id: str, *, after: int | None = None, to_the_end: bool = False
    ) -> AsyncIterator[Task | Update]:
        """Yield a task and its updates, until it ends; or, unless told so, until it needs somebody.

        Raises UnsupportedOperationError where it has ended, and nothing is to come.
        """
        task = await self.fold(call, task_id, after)
        if not task.seq:
            yield await self._asked_for(call, task_id)
        else:
            shown = task.task()
            if to_the_end and after is None and shown.status.state in TERMINAL:
                raise UnsupportedOperationError("The task has ended: nothing is to come. Get it.")
            yield shown
        stops = TERMINAL if to_the_end else TERMINAL | WAITING
        if task.seq and task.status().state in stops:
            return
        async with closed(self._events(call, task_id, task.seq)) as coming:
            async for event in coming:
                last: TaskState | None = None
                for update in updates(task, event):
                    yield update
                    last = task.status().state
                if last in stops:
                    return

    async def _events(self, call: Call, task_id: str, after: int) -> AsyncIterator[Event]:
        client, scope = self._gateway.client(call.caller), TenantScope(call.caller.tenant_id)
        coming = async_follow.followed(client, scope, task_id, after, None, _BEGINS_WITHIN_S)
        async with closed(coming):
            async for event in coming:
                yield event

    async def _asked_for(self, call: Call, task_id: str) -> Task:
        """Return the task of a run that the run processor has not begun."""
        found = await asyncio.to_thread(request_of, self._gateway.reader, task_id)
        if found is None or found.tenant_id != call.caller.tenant_id or not call.is_of(found.agent):
            raise TaskNotFoundError
        return submitted(only_asked_for(found), found.thread_id)


def checked(task_id: str) -> str:
    """Return the id of a task; raises TaskNotFoundError for what can be none."""
    if not _ID.fullmatch(task_id):
        raise TaskNotFoundError
    return task_id
