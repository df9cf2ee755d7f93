"""The operations of the protocol, each for one call of one agent."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import TypeVar

from a2a.server.context import ServerCallContext
from a2a.server.events import Event
from a2a.server.request_handlers.request_handler import RequestHandler
from a2a.types import a2a_pb2 as a2a
from a2a.utils.errors import (
    ContentTypeNotSupportedError,
    InvalidParamsError,
    TaskNotCancelableError,
)

from runfold.surfaces.a2a.calling import Call, call_of
from runfold.surfaces.a2a.cards.cards import Cards
from runfold.surfaces.a2a.closing import closed
from runfold.surfaces.a2a.messages.parts import MODES
from runfold.surfaces.a2a.messages.sending import Sending, Sent
from runfold.surfaces.a2a.push.configs import PushConfigs
from runfold.surfaces.a2a.refusals import refusal_of
from runfold.surfaces.a2a.tasks.folding import begun
from runfold.surfaces.a2a.tasks.listing import list_tasks
from runfold.surfaces.a2a.tasks.states import TERMINAL
from runfold.surfaces.a2a.tasks.tasks import Tasks, checked
from runfold.surfaces.a2a.unless import unless_over
from runfold.surfaces.application.errors import NoEffectYetError, RunEndedError
from runfold.surfaces.application.runs.reading.accepted import steer
from runfold.surfaces.http.access import identity
from runfold.surfaces.http.access.identity import need_scope
from runfold.surfaces.http.gateway import Gateway

T = TypeVar("T")

_ANY_MODE = {*MODES, "text", "data", "*/*", "*", "text/*", "application/*"}
_LONGEST_REASON = 10_000


class Handler(RequestHandler):
    """Serves agents on a gateway; whatever goes wrong is an error of the protocol."""

    def __init__(self, gateway: Gateway, cards: Cards, pushes: PushConfigs, tasks: Tasks) -> None:
        self._gateway = gateway
        self._cards = cards
        self._pushes = pushes
        self._tasks = tasks
        self._sending = Sending(gateway, tasks)

    async def on_get_task(
        self, params: a2a.GetTaskRequest, context: ServerCallContext
    ) -> a2a.Task | None:
        """Return a task."""

        async def work(call: Call) -> a2a.Task:
            await self._read(call, "tasks/get", checked(params.id))
            return await self._tasks.get(call, params.id, _history(params))

        return await self._answered(context, work)

    async def on_list_tasks(
        self, params: a2a.ListTasksRequest, context: ServerCallContext
    ) -> a2a.ListTasksResponse:
        """Return tasks of the agent."""

        async def work(call: Call) -> a2a.ListTasksResponse:
            await self._read(call, "tasks/list")
            _history(params)
            return await list_tasks(self._gateway, self._tasks, call, params)

        return await self._answered(context, work)

    async def on_cancel_task(
        self, params: a2a.CancelTaskRequest, context: ServerCallContext
    ) -> a2a.Task | None:
        """End a task."""
        return await self._answered(context, lambda call: self._cancelled(call, params))

    async def on_message_send(
        self, params: a2a.SendMessageRequest, context: ServerCallContext
    ) -> a2a.Task | a2a.Message:
        """Take a message; return its task once it ended or needs somebody, or at once."""

        async def work(call: Call) -> a2a.Task:
            task_id = (await self._sent(call, params)).task_id
            history = _history(params.configuration)
            if not await self._may_show(call, params.message, task_id):
                return begun(task_id, params.message.context_id)
            if params.configuration.return_immediately:
                return await self._tasks.get(call, task_id, history)
            return await self._tasks.settled(call, task_id, history)

        return await self._answered(context, work)

    async def on_message_send_stream(
        self, params: a2a.SendMessageRequest, context: ServerCallContext
    ) -> AsyncGenerator[Event]:
        """Take a message; yield its task, and updates until it ended or needs somebody."""

        async def events(call: Call) -> AsyncIterator[Event]:
            task_id, seq = await self._sent(call, params)
            if not await self._may_show(call, params.message, task_id):
                yield begun(task_id, params.message.context_id)
                return
            async with closed(self._tasks.stream(call, task_id, after=seq)) as coming:
                async for each in coming:
                    yield each

        async for event in self._streamed(context, events):
            yield event

    async def on_subscribe_to_task(
        self, params: a2a.SubscribeToTaskRequest, context: ServerCallContext
    ) -> AsyncGenerator[Event]:
        """Yield a task, and its updates to its end."""

        async def events(call: Call) -> AsyncIterator[Event]:
            await self._read(call, "tasks/subscribe", checked(params.id))
            async with closed(self._tasks.subscribe(call, params.id)) as coming:
                async for each in coming:
                    yield each

        async for event in self._streamed(context, events):
            yield event

    async def on_create_task_push_notification_config(
        self, params: a2a.TaskPushNotificationConfig, context: ServerCallContext
    ) -> a2a.TaskPushNotificationConfig:
        """Have somebody told what becomes of a task."""
        return await self._answered(context, lambda call: self._pushed(call, params))

    async def on_get_task_push_notification_config(
        self, params: a2a.GetTaskPushNotificationConfigRequest, context: ServerCallContext
    ) -> a2a.TaskPushNotificationConfig:
        """Return who is told."""

        async def work(call: Call) -> a2a.TaskPushNotificationConfig:
            need_scope(call.caller, identity.WRITE)
            await self._tasks.get(call, params.task_id, 0)
            return await self._pushes.get(call, params.task_id, params.id)

        return await self._answered(context, work)

    async def on_list_task_push_notification_configs(
        self, params: a2a.ListTaskPushNotificationConfigsRequest, context: ServerCallContext
    ) -> a2a.ListTaskPushNotificationConfigsResponse:
        """Return all who are told."""

        async def work(call: Call) -> a2a.ListTaskPushNotificationConfigsResponse:
            need_scope(call.caller, identity.WRITE)
            await self._tasks.get(call, params.task_id, 0)
            found = await self._pushes.all(call, params.task_id)
            return a2a.ListTaskPushNotificationConfigsResponse(configs=found)

        return await self._answered(context, work)

    async def on_delete_task_push_notification_config(
        self, params: a2a.DeleteTaskPushNotificationConfigRequest, context: ServerCallContext
    ) -> None:
        """Tell somebody no more."""

        async def work(call: Call) -> None:
            need_scope(call.caller, identity.WRITE)
            await self._tasks.get(call, params.task_id, 0)
            await self._pushes.delete(call, params.task_id, params.id)

        await self._answered(context, work)

    async def on_get_extended_agent_card(
        self,
        params: a2a.GetExtendedAgentCardRequest,  # noqa: ARG002 - it says nothing but a tenant
        context: ServerCallContext,
    ) -> a2a.AgentCard:
        """Return the card for those who have a key."""

        async def work(call: Call) -> a2a.AgentCard:
            return self._cards.extended(call.name, call.agent)

        return await self._answered(context, work)

    async def _read(self, call: Call, what: str, task_id: str = "") -> None:
        need_scope(call.caller, identity.READ)
        await self._gateway.note_read(call.caller, f"a2a {what}", task_id)

    async def _may_show(self, call: Call, message: a2a.Message, task_id: str) -> bool:
        """Put on record that a task which a message began is read; return whether it may be."""
        if message.task_id:
            return True
        return await self._gateway.may_show(call.caller, "a2a message/send", task_id)

    async def _sent(self, call: Call, params: a2a.SendMessageRequest) -> Sent:
        wanted = params.configuration
        if wanted.accepted_output_modes and not _ANY_MODE & set(wanted.accepted_output_modes):
            raise ContentTypeNotSupportedError(f"An agent answers with {' and '.join(MODES)}.")
        _history(wanted)
        pushed = wanted.HasField("task_push_notification_config")
        if pushed:
            # Checked first: an accepted message must not fail because of its push notifications.
            await self._pushes.check(call, wanted.task_push_notification_config)
            await self._telling(call)
        if params.message.task_id:
            # What is answered is the task, with what was said before.
            await self._read(call, "message/send", checked(params.message.task_id))
        need_scope(call.caller, identity.READ)
        sent = await self._sending.send(call, params.message)
        if pushed:
            config = a2a.TaskPushNotificationConfig()
            config.CopyFrom(wanted.task_push_notification_config)
            config.task_id = sent.task_id
            # The same message again tells nobody twice.
            config.id = config.id or params.message.message_id
            await self._pushes.add(call, config)
        return sent

    async def _telling(self, call: Call, task_id: str = "") -> None:
        """Raise Problem where a key may have nobody told: what they are told it has to read."""
        need_scope(call.caller, identity.WRITE)
        await self._read(call, "tasks/pushNotificationConfigs", task_id)

    async def _pushed(
        self, call: Call, params: a2a.TaskPushNotificationConfig
    ) -> a2a.TaskPushNotificationConfig:
        await self._telling(call, checked(params.task_id))
        await self._tasks.get(call, params.task_id, 0)
        await self._pushes.check(call, params)
        return await self._pushes.add(call, params)

    async def _cancelled(self, call: Call, params: a2a.CancelTaskRequest) -> a2a.Task:
        need_scope(call.caller, identity.WRITE)
        # What is answered is the task, with all that was said.
        await self._read(call, "tasks/cancel", checked(params.id))
        task = await self._tasks.get(call, params.id, 0)
        if task.status.state in TERMINAL:
            raise TaskNotCancelableError("The task has ended already.")
        said = dict(params.metadata).get("reason")
        reason = said[:_LONGEST_REASON] if isinstance(said, str) else ""
        try:
            await steer(
                self._gateway.runs(call.caller),
                self._gateway.reader,
                params.id,
                lambda client: client.cancel(params.id, reason),
            )
        except RunEndedError as error:
            raise TaskNotCancelableError(str(error)) from error
        except NoEffectYetError:
            # It is durable: the task says so when it has its effect.
            pass
        return await self._tasks.get(call, params.id)

    async def _answered(
        self, context: ServerCallContext, work: Callable[[Call], Awaitable[T]]
    ) -> T:
        call = call_of(context)
        try:
            return await work(call)
        except Exception as error:
            refusal = refusal_of(error, call)
            if refusal is error:
                raise
            raise refusal from error

    async def _streamed(
        self, context: ServerCallContext, events: Callable[[Call], AsyncIterator[Event]]
    ) -> AsyncGenerator[Event]:
        call = call_of(context)
        try:
            async with closed(events(call)) as coming:
                async for event in unless_over(coming, call.over):
                    yield event
        except Exception as error:
            refusal = refusal_of(error, call)
            if refusal is error:
                raise
            raise refusal from error


def _history(
    asked: a2a.GetTaskRequest | a2a.SendMessageConfiguration | a2a.ListTasksRequest,
) -> int | None:
    """Return how many messages are asked for, None for all; raises InvalidParamsError."""
    if not asked.HasField("history_length"):
        return None
    if asked.history_length < 0:
        raise InvalidParamsError("historyLength: 0 or more.")
    return asked.history_length
