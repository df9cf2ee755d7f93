"""The client for asyncio: the same promises as RunClient, and no thread a follower."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from functools import cache
from typing import Any, Self, Unpack, cast

from runfold.events import topics
from runfold.events.base import Record
from runfold.events.contents.content import Content
from runfold.events.people.origin import Origin
from runfold.events.records.commands import Control
from runfold.events.records.feedback import FeedbackGiven
from runfold.events.run import Event
from runfold.producers.client.broker_time import BrokerTime
from runfold.producers.client.controls import Controls
from runfold.producers.client.hubs import Hubs
from runfold.producers.client.messages import Messages
from runfold.producers.client.options import FeedbackOptions, RequestOptions
from runfold.producers.errors import NotYetError
from runfold.producers.log.port import Headers, LogReader, LogWriter, RecordPlace, SoonWriter


class AsyncRunClient(Controls[Control, Coroutine[Any, Any, str]]):
    """Starts runs, steers them and follows them, in the name of one tenant's user.

    Clients that share ``hubs`` share one reader of the journal; a RunClient may be among them.
    """

    def __init__(
        self,
        writer: LogWriter,
        reader: LogReader,
        tenant_id: str = "default",
        user_id: str = "me",
        hubs: Hubs | None = None,
        *,
        roles: tuple[str, ...] = (),
        seen: Mapping[str, bytes] | None = None,
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._messages = Messages(tenant_id, user_id, roles=roles, seen=seen)
        self.hubs = hubs or Hubs(reader)
        self._broker_time = BrokerTime()

    @property
    def _says(self) -> Messages:
        return self._messages

    @property
    def tenant_id(self) -> str:
        """The tenant in whose name it speaks."""
        return self._messages.tenant_id

    @property
    def user_id(self) -> str:
        """The user in whose name it speaks."""
        return self._messages.user_id

    def in_name_of(
        self,
        tenant_id: str,
        user_id: str | None = None,
        seen: Mapping[str, bytes] | None = None,
    ) -> AsyncRunClient:
        """Return a client on the same connections that speaks for somebody else.

        ``seen`` are the digests of what was shown of open calls: its decisions carry them.
        """
        user, own = self.user_id if user_id is None else user_id, self._messages
        roles = own.roles if user == own.user_id else ()
        client = AsyncRunClient(
            self._writer, self._reader, tenant_id, user, self.hubs, roles=roles, seen=seen
        )
        client._broker_time = self._broker_time
        return client.asked_with(own.origin)

    def asked_with(self, origin: Origin | None) -> Self:
        """Have all that it asks for say with which request of a surface it was asked for."""
        self._messages.origin = origin
        return self

    def asking_as(self, request_id: str) -> AsyncRunClient:
        """Return a client whose one control has this id: sent again, it changes nothing."""
        own = self._messages
        client = AsyncRunClient(self._writer, self._reader, hubs=self.hubs)
        client._messages = own.asking_as(request_id)
        client._broker_time = self._broker_time
        return client

    async def close(self) -> None:
        """Stop following; the writer and the reader belong to whoever made them."""
        await asyncio.to_thread(self.hubs.close)

    async def request(
        self, goal: str | Content, agent: str, **options: Unpack[RequestOptions]
    ) -> str:
        """Return the id of the run that was asked for, once the request is durable.

        ``agent`` is a name or ``name@version``. The same ``run_id`` twice starts one run. Raises
        RefusedError for a request that nobody could accept, and where this machine's clock is too
        far from the broker's for a run to begin; UnavailableError if Kafka is away.
        """
        request = self._messages.request(goal, agent, **options)
        headers = self._broker_time.check(request.run_id)
        place = await self._publish(topics.REQUESTS, request, request.run_id, headers)
        self._broker_time.learn(request.run_id, place.appended_at, checked=bool(headers))
        return request.run_id

    async def say_of(
        self, run_id: str, feedback_id: str, **said: Unpack[FeedbackOptions]
    ) -> FeedbackGiven:
        """Put on record what this user says about a run; return the record, which is durable."""
        record = self._messages.feedback(run_id, feedback_id, **said)
        await self._publish(topics.FEEDBACK, record, run_id)
        return record

    async def completion(
        self,
        run_id: str,
        timeout: float | None = None,  # noqa: ASYNC109 - as RunClient has it
    ) -> Event:
        """Return the run's terminal event, as soon as it is committed.

        Raises NotYetError after ``timeout`` seconds; 0 looks once, None waits for ever.
        """
        if timeout == 0:
            for event in await self._history(topics.COMPLETIONS, run_id):
                return event
        else:
            async with self.hubs.completions.async_following(run_id, timeout=timeout) as following:
                async for event in following:
                    return event
        raise NotYetError(f"Run {run_id} has not ended within {timeout:g} s; it may still.")

    async def events(
        self,
        run_id: str,
        *,
        after_seq: int = 0,
        follow: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109 - as RunClient has it
    ) -> AsyncIterator[Event]:
        """Yield the run's events after ``after_seq``; with ``follow`` as they come, to the end.

        Ends quietly after ``timeout`` seconds. Raises WireError if the journal cannot be read.
        """
        if follow:
            hub = self.hubs.events
            async with hub.async_following(run_id, after_seq, timeout) as following:
                async for event in following:
                    yield event
        else:
            for event in await self._history(topics.EVENTS, run_id):
                if event.meta.seq > after_seq:
                    yield event

    async def _history(self, topic: str, run_id: str) -> list[Event]:
        hub = self.hubs.events if topic == topics.EVENTS else self.hubs.completions
        return await asyncio.wrap_future(hub.history.read(run_id))

    async def _sent(self, made: Control) -> str:
        await self._publish(topics.CONTROLS, made, made.run_id)
        return made.request_id

    async def _publish(
        self, topic: str, record: Record, key: str, headers: Headers = ()
    ) -> RecordPlace:
        # Publishing waits until the record is durable: that is milliseconds, and not ours to block.
        if _publishes_soon(type(self._writer)):
            writer = cast(SoonWriter, self._writer)
            return await asyncio.wrap_future(writer.publish_soon(topic, record, key, headers))
        return await asyncio.to_thread(self._writer.publish, topic, record, key, headers)


@cache
def _publishes_soon(writer: type[LogWriter]) -> bool:
    # Asked of an object, a protocol looks for each of its methods every time.
    return issubclass(writer, SoonWriter)
