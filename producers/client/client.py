"""The blocking client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Self, Unpack

from runfold.events import topics
from runfold.events.contents.content import Content
from runfold.events.people.origin import Origin
from runfold.events.probe import PROBE_TENANT
from runfold.events.records.commands import Control
from runfold.events.records.feedback import FeedbackGiven
from runfold.events.run import Event
from runfold.producers.client.broker_time import BrokerTime
from runfold.producers.client.controls import Controls
from runfold.producers.client.hubs import Hubs
from runfold.producers.client.messages import Messages
from runfold.producers.client.options import FeedbackOptions, RequestOptions
from runfold.producers.errors import NotYetError
from runfold.producers.follow.history import beginning
from runfold.producers.log.port import LogReader, LogWriter


class RunClient(Controls[Control, str]):
    """Starts runs, steers them and follows them, in the name of one tenant's user.

    Any thread may use it. Clients that share ``hubs`` share one reader of the journal.
    """

    def __init__(  # noqa: PLR0913 - what a client speaks with, and in whose name
        self,
        writer: LogWriter,
        reader: LogReader,
        tenant_id: str = "default",
        user_id: str = "me",
        hubs: Hubs | None = None,
        *,
        roles: tuple[str, ...] = (),
        seen: Mapping[str, bytes] | None = None,
        own: bool = False,
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._messages = Messages(tenant_id, user_id, roles=roles, seen=seen, own=own)
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
    ) -> RunClient:
        """Return a client on the same connections that speaks for somebody else.

        ``seen`` are the digests of what was shown of open calls: its decisions carry them.
        """
        user, own = self.user_id if user_id is None else user_id, self._messages
        roles = own.roles if user == own.user_id else ()
        client = RunClient(
            self._writer, self._reader, tenant_id, user, self.hubs, roles=roles, seen=seen
        )
        client._broker_time = self._broker_time
        return client.asked_with(own.origin)

    def asked_with(self, origin: Origin | None) -> Self:
        """Have all that it asks for say with which request of a surface it was asked for."""
        self._messages.origin = origin
        return self

    def asking_as(self, request_id: str) -> RunClient:
        """Return a client whose one control has this id: sent again, it changes nothing."""
        own = self._messages
        client = RunClient(self._writer, self._reader, hubs=self.hubs)
        client._messages = own.asking_as(request_id)
        client._broker_time = self._broker_time
        return client

    def close(self) -> None:
        """Stop following; the writer and the reader belong to whoever made them."""
        self.hubs.close()

    def request(self, goal: str | Content, agent: str, **options: Unpack[RequestOptions]) -> str:
        """Return the id of the run that was asked for, once the request is durable.

        ``agent`` is a name or ``name@version``. The same ``run_id`` twice starts one run. Raises
        RefusedError for a request that nobody could accept, and where this machine's clock is too
        far from the broker's for a run to begin; UnavailableError if Kafka is away.
        """
        request = self._messages.request(goal, agent, **options)
        headers = self._broker_time.check(request.run_id)
        place = self._writer.publish(topics.REQUESTS, request, request.run_id, headers)
        self._broker_time.learn(request.run_id, place.appended_at, checked=bool(headers))
        return request.run_id

    def say_of(
        self, run_id: str, feedback_id: str, **said: Unpack[FeedbackOptions]
    ) -> FeedbackGiven:
        """Put on record what this user says about a run; return the record, which is durable."""
        record = self._messages.feedback(run_id, feedback_id, **said)
        self._writer.publish(topics.FEEDBACK, record, run_id)
        return record

    def completion(self, run_id: str, timeout: float | None = None) -> Event:
        """Return the run's terminal event, as soon as it is committed.

        Raises NotYetError after ``timeout`` seconds; 0 looks once, None waits for ever.
        """
        if timeout == 0:
            for event in self._read(topics.COMPLETIONS, run_id):
                return event
        else:
            with self.hubs.completions.following(run_id, timeout=timeout) as following:
                for event in following:
                    return event
        raise NotYetError(f"Run {run_id} has not ended within {timeout:g} s; it may still.")

    def events(
        self,
        run_id: str,
        *,
        after_seq: int = 0,
        follow: bool = False,
        timeout: float | None = None,
    ) -> Iterator[Event]:
        """Yield the run's events after ``after_seq``; with ``follow`` as they come, to the end.

        Ends quietly after ``timeout`` seconds. Raises WireError if the journal cannot be read.
        """
        if follow:
            with self.hubs.events.following(run_id, after_seq, timeout) as following:
                yield from following
        else:
            found = self._read(topics.EVENTS, run_id)
            yield from (event for event in found if event.meta.seq > after_seq)

    def _read(self, topic: str, run_id: str) -> Iterator[Event]:
        for found in self._reader.read(topic, beginning(run_id), key=run_id):
            if found.error is not None:
                raise found.error
            if isinstance(found.record, Event):
                yield found.record

    def _sent(self, made: Control) -> str:
        self._writer.publish(topics.CONTROLS, made, made.run_id)
        return made.request_id


def probing(client: RunClient) -> RunClient:
    """Return a client on the same connections for Runfold's own probe, and for nothing else."""
    of = client._writer, client._reader, PROBE_TENANT, PROBE_TENANT, client.hubs  # noqa: SLF001 - its own module
    return RunClient(*of, own=True)
