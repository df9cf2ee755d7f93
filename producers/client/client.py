"""The blocking client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Self, Unpack

from runfold.events import topics
from runfold.events.contents.content import Content
from runfold.events.people.approvals import Holds
from runfold.events.people.origin import Origin
from runfold.events.probe import PROBE_TENANT
from runfold.events.records.commands import HOLD_MS, Control, Resolution
from runfold.events.records.feedback import FeedbackGiven
from runfold.events.run import Event
from runfold.producers.client.broker_time import BrokerTime
from runfold.producers.client.hubs import Hubs
from runfold.producers.client.messages import Calls, Messages
from runfold.producers.client.options import FeedbackOptions, RequestOptions
from runfold.producers.errors import NotYetError
from runfold.producers.follow.history import beginning
from runfold.producers.log.port import LogReader, LogWriter


class RunClient:
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

    def approve(
        self,
        run_id: str,
        call_id: str,
        arguments: Content | None = None,
        comment: str | None = None,
        *,
        shown: str | None = None,
        holds: Holds | None = None,
        on_behalf_of: str | None = None,
    ) -> str:
        """Let a proposed call run, with edited arguments where given; return the request's id.

        ``shown`` is the digest of what was shown, ``holds`` for which other calls it holds, and
        ``on_behalf_of`` who is absent and has delegated to this user.
        """
        control = self._messages.approve(
            run_id,
            call_id,
            arguments,
            comment,
            shown=shown,
            holds=holds,
            on_behalf_of=on_behalf_of,
        )
        return self._send(control)

    def deny(
        self,
        run_id: str,
        call_id: str,
        reason: str,
        *,
        shown: str | None = None,
        on_behalf_of: str | None = None,
    ) -> str:
        """Refuse a proposed call; the model is told the reason."""
        said = self._messages.deny(run_id, call_id, reason, shown=shown, on_behalf_of=on_behalf_of)
        return self._send(said)

    def resolve(
        self,
        run_id: str,
        call_id: str,
        resolution: Resolution,
        result: Content | None = None,
        comment: str | None = None,
    ) -> str:
        """Say whether an uncertain call happened."""
        return self._send(self._messages.resolve(run_id, call_id, resolution, result, comment))

    def pause(self, run_id: str, reason: str = "") -> str:
        """Let the run make no new call until it is resumed."""
        return self._send(self._messages.pause(run_id, reason))

    def resume(self, run_id: str, reason: str = "") -> str:
        """Let a paused run go on."""
        return self._send(self._messages.resume(run_id, reason))

    def cancel(self, run_id: str, reason: str = "") -> str:
        """End the run."""
        return self._send(self._messages.cancel(run_id, reason))

    def extend(self, run_id: str, added: Mapping[str, Decimal], reason: str = "") -> str:
        """Let the run use more: units are usd, tokens, tool_calls, model_calls and retries."""
        return self._send(self._messages.extend(run_id, added, reason))

    def deny_extension(self, run_id: str, reason: str = "") -> str:
        """Let a run end that waits for more."""
        return self._send(self._messages.deny_extension(run_id, reason))

    def tell(self, run_id: str, message: str | Content) -> str:
        """Say something to the run."""
        return self._send(self._messages.tell(run_id, message))

    def instruct(self, run_id: str, instructions: str | Content) -> str:
        """Replace the run's instructions from here on."""
        return self._send(self._messages.instruct(run_id, instructions))

    def answer(
        self,
        run_id: str,
        question_id: str,
        answer: str | Content,
        *,
        shown: str | None = None,
        on_behalf_of: str | None = None,
    ) -> str:
        """Answer what the agent asked."""
        said = self._messages.answer(
            run_id, question_id, answer, shown=shown, on_behalf_of=on_behalf_of
        )
        return self._send(said)

    def take_over(self, run_id: str, reason: str = "", hold_ms: int = HOLD_MS) -> str:
        """Answer in the model's place from here on, until the run is handed back or forgotten."""
        return self._send(self._messages.take_over(run_id, reason, hold_ms))

    def reply(self, run_id: str, said: str | Content | None = None, calls: Calls = ()) -> str:
        """Answer in the model's place: with words, with calls (tool and arguments), or both."""
        return self._send(self._messages.reply(run_id, said, calls))

    def give_result(
        self, run_id: str, call_id: str, result: Content, *, failed: bool = False
    ) -> str:
        """Answer an open call in its tool's place; ``failed`` says that it could not be done."""
        return self._send(self._messages.give_result(run_id, call_id, result, failed=failed))

    def hand_back(self, run_id: str, reason: str = "") -> str:
        """Let the model answer again."""
        return self._send(self._messages.hand_back(run_id, reason))

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

    def _send(self, control: Control) -> str:
        self._writer.publish(topics.CONTROLS, control, control.run_id)
        return control.request_id


def probing(client: RunClient) -> RunClient:
    """Return a client on the same connections for Runfold's own probe, and for nothing else."""
    of = client._writer, client._reader, PROBE_TENANT, PROBE_TENANT, client.hubs  # noqa: SLF001 - its own module
    return RunClient(*of, own=True)
