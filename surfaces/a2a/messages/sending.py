"""Messages: a new task, or something for one that lives. Each has its effect once.

A message's id is the idempotency key of whoever sends it: for a new task it leads to the run that
it led to before; for one that lives it names the control, which a run takes once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from a2a.types.a2a_pb2 import Message, Role
from a2a.utils.errors import InvalidParamsError, UnsupportedOperationError
from google.protobuf.json_format import MessageToDict

from runfold.events.base import Record
from runfold.events.contents.content import canonical_json
from runfold.events.records.commands import Control
from runfold.infra.gateway.asked import Asked
from runfold.producers.client import AsyncRunClient, RequestOptions
from runfold.producers.log.port import Headers, LogWriter, RecordPlace
from runfold.surfaces.a2a.calling import Call
from runfold.surfaces.a2a.messages.deciding import action_of
from runfold.surfaces.a2a.messages.parts import content_of
from runfold.surfaces.a2a.tasks.states import TERMINAL, state_of
from runfold.surfaces.a2a.tasks.tasks import Tasks
from runfold.surfaces.application.errors import NoEffectYetError, NotFoundError, RefusedError
from runfold.surfaces.application.runs import async_follow
from runfold.surfaces.application.runs.reading.accepted import detail, steer
from runfold.surfaces.http.access import identity
from runfold.surfaces.http.access.identity import need_scope
from runfold.surfaces.http.gateway import Gateway
from runfold.surfaces.http.refusals.problems import Problem

_LONGEST_ID = 255


class Sent(NamedTuple):
    """A task that was sent something; ``seq`` is the event that it led to, 0 where a task begins.

    None where the message was sent before, or its effect is still to come.
    """

    task_id: str
    seq: int | None


class Sending:
    """Takes messages for an agent; raises errors of the protocol, of the gateway and of runs."""

    def __init__(self, gateway: Gateway, tasks: Tasks) -> None:
        self._gateway = gateway
        self._tasks = tasks

    async def send(self, call: Call, message: Message) -> Sent:
        """Return the task that a message is for, once what it does is durable."""
        _need_possible(message)
        if message.task_id:
            return Sent(message.task_id, await self._to_task(call, message))
        return await self._begin(call, message)

    async def _begin(self, call: Call, message: Message) -> Sent:
        caller, gateway = call.caller, self._gateway
        need_scope(caller, identity.WRITE)
        runs, goal = gateway.runs(caller), content_of(message)
        options: RequestOptions = {
            "roles": caller.roles,
            "scopes": caller.run_scopes,
            "data_classification": caller.data_classification,
            "source": "a2a",
        }

        async def ask(run_id: str) -> None:
            options["run_id"] = run_id
            options["thread_id"] = message.context_id or run_id
            await runs.submit(goal, call.agent.name, **options)

        async def is_there(run_id: str) -> bool:
            try:
                await detail(runs.client, gateway.reader, runs.scope, run_id)
            except NotFoundError:
                return False
            return True

        asked = _asked(call, f"agent {call.agent.name}", message)
        run_id, repeated = await gateway.once.submit(asked, ask, is_there)
        return Sent(run_id, None if repeated else 0)

    async def _to_task(self, call: Call, message: Message) -> int | None:
        """Do what a message does to a task that is there, once; return the event that it led to."""
        led_to: list[int] = []
        task = await self._tasks.fold(call, message.task_id)
        if task.seq and message.context_id not in {"", task.context_id}:
            raise InvalidParamsError("contextId is another than the task's: leave it out.")

        async def act(request_id: str) -> None:
            try:
                led_to.extend(await self._act(call, message, request_id))
            except Problem as problem:
                # Refused: the id of the message stays free.
                raise _HeldError(problem) from problem

        async def is_there(request_id: str) -> bool:
            client, scope = self._gateway.client(call.caller), self._gateway.runs(call.caller).scope
            async for event in async_follow.journal_of(client, scope, message.task_id):
                if getattr(event.fact, "request_id", None) == request_id:
                    return True
            return False

        try:
            await self._gateway.once.submit(_asked(call, message.task_id, message), act, is_there)
        except _HeldError as held:
            raise held.why from held
        return led_to[0] if led_to else None

    async def _act(self, call: Call, message: Message, request_id: str) -> tuple[int, ...]:
        task = await self._tasks.fold(call, message.task_id)
        if task.seq and state_of(task.detail) in TERMINAL:
            raise Problem("run_ended", "The task has ended: send a message without taskId.")
        if not task.seq:
            raise Problem("not_yet", "The task has not begun: send the message again in a second.")
        action = action_of(task.detail, message)
        need_scope(call.caller, action.scope)
        marking = replace(self._gateway, writer=_Marking(self._gateway.writer, request_id))

        async def send(client: AsyncRunClient) -> str:
            await action.send(client)
            return request_id

        try:
            outcome = await steer(
                marking.runs(call.caller), self._gateway.reader, message.task_id, send
            )
        except NoEffectYetError:
            # It is durable, and has its effect when the run processor comes to it.
            return ()
        if not outcome.applied:
            raise Problem("invalid", f"Nothing was changed: {outcome.text}.")
        return (outcome.seq,)


class _HeldError(RefusedError):
    """A problem on its way past whoever remembers requests."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.why = problem


@dataclass(frozen=True, slots=True)
class _Marking:
    """A log to which controls go under an id that was chosen before: a run takes each id once."""

    log: LogWriter
    request_id: str

    def publish(self, topic: str, record: Record, key: str, headers: Headers = ()) -> RecordPlace:
        """Publish a record, a control under the chosen id."""
        return self.log.publish(topic, self._marked(record), key, headers)

    def publish_all(
        self, topic: str, records: Sequence[tuple[Record, str]], headers: Headers = ()
    ) -> list[RecordPlace]:
        """Publish records, controls under the chosen id."""
        marked = [(self._marked(record), key) for record, key in records]
        return self.log.publish_all(topic, marked, headers)

    def drop(self, topic: str, keys: Sequence[str]) -> None:
        """Have a topic forget records."""
        self.log.drop(topic, keys)

    def _marked(self, record: Record) -> Record:
        if not isinstance(record, Control):
            return record
        return record.model_copy(update={"request_id": self.request_id})


def _need_possible(message: Message) -> None:
    _need_id("messageId", message.message_id)
    if message.context_id:
        _need_id("contextId", message.context_id)
    if message.role not in {Role.ROLE_USER, Role.ROLE_UNSPECIFIED}:
        raise InvalidParamsError("role: what is sent here is said by a user: ROLE_USER.")
    if message.extensions:
        raise UnsupportedOperationError("There are no extensions here: leave them out.")


def _need_id(name: str, said: str) -> None:
    printable = said.isprintable() and said.isascii() and said.strip() == said
    if not said or len(said) > _LONGEST_ID or not printable:
        raise InvalidParamsError(f"{name}: 1 to {_LONGEST_ID} visible ASCII characters.")


def _asked(call: Call, about: str, message: Message) -> Asked:
    """Return a message as a request that may be made again: it is its sender's own."""
    whose = ["a2a", call.caller.tenant_id, call.caller.user_id, about]
    scope = hashlib.sha256(canonical_json(whose).encode()).hexdigest()
    digest = hashlib.sha256(canonical_json(MessageToDict(message)).encode()).digest()
    return Asked(scope, message.message_id, digest)
