"""What a program says to Runfold and hears from it: requests, controls, events, completions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict, TypeVar, Unpack

from pydantic import ValidationError

from runfold.events import commands, topics
from runfold.events.base import Record
from runfold.events.catalogue import TERMINAL_FACTS
from runfold.events.content import Content, text
from runfold.events.run import Event
from runfold.events.topics import MAX_INPUT_BYTES
from runfold.events.values import Attachment, DataClassification, Label, Limits
from runfold.producers.errors import NotYetError, RefusedError
from runfold.producers.identity import made_at, uuid7
from runfold.producers.log.port import LogReader, LogWriter, Start

R = TypeVar("R", bound=Record)

_CLOCKS_DIFFER = timedelta(minutes=5)


class RequestOptions(TypedDict, total=False):
    """What a request may say beyond goal and agent, as in ``RunRequest``."""

    run_id: str
    tenant_id: str
    user_id: str
    agent_version: str
    attachments: tuple[Attachment, ...]
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    limits: Limits
    data_classification: DataClassification
    response_profile: str
    region: str
    labels: tuple[Label, ...]
    feature: str
    priority: int
    thread_id: str
    variant: str
    source: str
    deadline: datetime


class RunClient:
    """Starts runs, steers them and hears of them, in the name of one tenant's user."""

    def __init__(
        self, writer: LogWriter, reader: LogReader, tenant_id: str = "default", user_id: str = "me"
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._tenant_id = tenant_id
        self._user_id = user_id

    def request(self, goal: str | Content, agent: str, **options: Unpack[RequestOptions]) -> str:
        """Return the id of the run that was asked for, once the request is durable.

        ``agent`` is a name or ``name@version``. The same ``run_id`` twice starts one run. Raises
        RefusedError for a request that nobody could accept, UnavailableError if Kafka is away.
        """
        said = text(goal) if isinstance(goal, str) else goal
        if said.inline is not None and len(said.inline) > MAX_INPUT_BYTES:
            raise RefusedError(
                f"The goal has {len(said.inline):,} bytes and {MAX_INPUT_BYTES:,} are allowed: "
                "put it into a file and say in the goal where it is."
            )
        name, _, version = agent.partition("@")
        filled: dict[str, Any] = {
            "run_id": uuid7(),
            "tenant_id": self._tenant_id,
            "user_id": self._user_id,
            "agent_version": version or None,
            "requested_at": datetime.now(UTC),
            **options,
        }
        request = _valid(commands.RunRequested, agent=name, goal=said, **filled)
        self._writer.publish(topics.REQUESTS, request, request.run_id)
        return request.run_id

    def approve(
        self,
        run_id: str,
        call_id: str,
        arguments: Content | None = None,
        comment: str | None = None,
    ) -> str:
        """Let a proposed call run, with edited arguments where given; return the request's id."""
        return self._control(
            commands.ApproveToolCall, run_id, call_id=call_id, arguments=arguments, comment=comment
        )

    def deny(self, run_id: str, call_id: str, reason: str) -> str:
        """Refuse a proposed call; the model is told the reason."""
        return self._control(commands.DenyToolCall, run_id, call_id=call_id, reason=reason)

    def resolve(
        self,
        run_id: str,
        call_id: str,
        resolution: commands.Resolution,
        result: Content | None = None,
        comment: str | None = None,
    ) -> str:
        """Say whether an uncertain call happened."""
        return self._control(
            commands.ResolveToolCall,
            run_id,
            call_id=call_id,
            resolution=resolution,
            result=result,
            comment=comment,
        )

    def pause(self, run_id: str, reason: str = "") -> str:
        """Let the run make no new call until it is resumed."""
        return self._control(commands.PauseRun, run_id, reason=reason)

    def resume(self, run_id: str, reason: str = "") -> str:
        """Let a paused run go on."""
        return self._control(commands.ResumeRun, run_id, reason=reason)

    def cancel(self, run_id: str, reason: str = "") -> str:
        """End the run."""
        return self._control(commands.CancelRun, run_id, reason=reason)

    def tell(self, run_id: str, message: str | Content) -> str:
        """Say something to the run."""
        return self._control(commands.SendMessage, run_id, content=_content(message))

    def instruct(self, run_id: str, instructions: str | Content) -> str:
        """Replace the run's instructions from here on."""
        return self._control(commands.EditInstructions, run_id, content=_content(instructions))

    def answer(self, run_id: str, question_id: str, answer: str | Content) -> str:
        """Answer what the agent asked."""
        return self._control(
            commands.AnswerQuestion, run_id, question_id=question_id, content=_content(answer)
        )

    def completion(self, run_id: str, timeout: float | None = None) -> Event:
        """Return the run's terminal event, as soon as it is committed.

        Raises NotYetError after ``timeout`` seconds; 0 looks once, None waits for ever.
        """
        found = self._events(topics.COMPLETIONS, run_id, timeout != 0, _after(timeout or None))
        for event in found:
            return event
        raise NotYetError(f"Run {run_id} has not ended within {timeout:g} s; it may still.")

    def events(
        self, run_id: str, *, follow: bool = False, timeout: float | None = None
    ) -> Iterator[Event]:
        """Yield the run's events in order; with ``follow`` as they come, to the terminal one.

        Ends quietly after ``timeout`` seconds. Raises WireError if the journal cannot be read.
        """
        for event in self._events(topics.EVENTS, run_id, follow, _after(timeout)):
            yield event
            if follow and isinstance(event.fact, TERMINAL_FACTS):
                return

    def _events(
        self, topic: str, run_id: str, follow: bool, until: Callable[[], bool]
    ) -> Iterator[Event]:
        start = _beginning(run_id)
        for found in self._reader.read(topic, start, key=run_id, follow=follow, until=until):
            if found.error is not None:
                raise found.error
            if isinstance(found.record, Event):
                yield found.record

    def _control(self, kind: type[commands.Control], run_id: str, **said: Any) -> str:
        control = _valid(
            kind,
            request_id=uuid7(),
            run_id=run_id,
            tenant_id=self._tenant_id,
            actor_id=self._user_id,
            requested_at=datetime.now(UTC),
            **said,
        )
        self._writer.publish(topics.CONTROLS, control, run_id)
        return control.request_id


def _content(said: str | Content) -> Content:
    return text(said) if isinstance(said, str) else said


def _valid(kind: type[R], **said: Any) -> R:
    try:
        return kind(**said)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise RefusedError(f"This is no {kind.__name__}: {place}: {first['msg']}.") from error


def _beginning(run_id: str) -> Start:
    """Return where a run's events begin: its id tells when it was asked for, by some clock."""
    asked = made_at(run_id)
    return "earliest" if asked is None else asked - _CLOCKS_DIFFER


def _after(seconds: float | None) -> Callable[[], bool]:
    if seconds is None:
        return lambda: False
    due = time.monotonic() + seconds
    return lambda: time.monotonic() >= due
