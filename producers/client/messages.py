"""Requests and controls, made and checked in the name of one tenant's user. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypedDict, TypeVar, Unpack

from pydantic import ValidationError

from runfold.events import commands
from runfold.events.base import Record
from runfold.events.border import fault_of
from runfold.events.commands import Control, Resolution, RunRequested
from runfold.events.content import Content, text
from runfold.events.probe import reserved
from runfold.events.topics import MAX_INPUT_BYTES
from runfold.events.values import Attachment, DataClassification, Label, Limits
from runfold.producers.errors import RefusedError
from runfold.producers.identity import uuid7

R = TypeVar("R", bound=Record)


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


class Messages:
    """Makes what is published, each message with an id of its own.

    Every method raises RefusedError for what nobody could accept, naming the field. ``own`` are
    those of Runfold's probe, which alone asks for runs of its tenant.
    """

    def __init__(self, tenant_id: str, user_id: str, *, own: bool = False) -> None:
        self.tenant_id = tenant_id
        self.user_id = user_id
        self.own = own

    def request(
        self, goal: str | Content, agent: str, **options: Unpack[RequestOptions]
    ) -> RunRequested:
        """Return a request for a run; ``agent`` is a name or ``name@version``."""
        task = content(goal)
        if task.inline is not None and len(task.inline) > MAX_INPUT_BYTES:
            raise RefusedError(
                f"The goal has {len(task.inline):,} bytes and {MAX_INPUT_BYTES:,} are allowed: "
                "put it into a file and say in the goal where it is."
            )
        name, _, version = agent.partition("@")
        filled: dict[str, Any] = {
            "run_id": uuid7(),
            "tenant_id": self.tenant_id,
            "user_id": self.user_id,
            "agent_version": version or None,
            "requested_at": datetime.now(UTC),
            **options,
        }
        if not self.own and (why := reserved(filled["tenant_id"])):
            raise RefusedError(f"{why}.")
        return _valid(RunRequested, agent=name, goal=task, **filled)

    def approve(
        self, run_id: str, call_id: str, arguments: Content | None, comment: str | None
    ) -> Control:
        """Return the permit of a call."""
        return self._control(
            commands.ApproveToolCall, run_id, call_id=call_id, arguments=arguments, comment=comment
        )

    def deny(self, run_id: str, call_id: str, reason: str) -> Control:
        """Return the refusal of a call."""
        return self._control(commands.DenyToolCall, run_id, call_id=call_id, reason=reason)

    def resolve(
        self,
        run_id: str,
        call_id: str,
        resolution: Resolution,
        result: Content | None,
        comment: str | None,
    ) -> Control:
        """Return what was found out about an uncertain call."""
        return self._control(
            commands.ResolveToolCall,
            run_id,
            call_id=call_id,
            resolution=resolution,
            result=result,
            comment=comment,
        )

    def pause(self, run_id: str, reason: str) -> Control:
        """Return a request to pause."""
        return self._control(commands.PauseRun, run_id, reason=reason)

    def resume(self, run_id: str, reason: str) -> Control:
        """Return a request to go on."""
        return self._control(commands.ResumeRun, run_id, reason=reason)

    def cancel(self, run_id: str, reason: str) -> Control:
        """Return a request to end."""
        return self._control(commands.CancelRun, run_id, reason=reason)

    def extend(self, run_id: str, added: Mapping[str, Decimal], reason: str) -> Control:
        """Return a request to let a run use more, by unit."""
        amounts = [{"unit": unit, "amount": amount} for unit, amount in added.items()]
        return self._control(commands.ExtendRun, run_id, added=amounts, reason=reason)

    def deny_extension(self, run_id: str, reason: str) -> Control:
        """Return the answer that a run which waits for more gets none."""
        return self._control(commands.DenyExtension, run_id, reason=reason)

    def tell(self, run_id: str, message: str | Content) -> Control:
        """Return a message to a run."""
        return self._control(commands.SendMessage, run_id, content=content(message))

    def instruct(self, run_id: str, instructions: str | Content) -> Control:
        """Return new instructions for a run."""
        return self._control(commands.EditInstructions, run_id, content=content(instructions))

    def answer(self, run_id: str, question_id: str, answer: str | Content) -> Control:
        """Return an answer to what the agent asked."""
        return self._control(
            commands.AnswerQuestion, run_id, question_id=question_id, content=content(answer)
        )

    def _control(self, kind: type[Control], run_id: str, **fields: Any) -> Control:
        return _valid(
            kind,
            request_id=uuid7(),
            run_id=run_id,
            tenant_id=self.tenant_id,
            actor_id=self.user_id,
            requested_at=datetime.now(UTC),
            **fields,
        )


def content(given: str | Content) -> Content:
    """Return a text as content; content as it is."""
    if isinstance(given, Content):
        return given
    try:
        return text(given)
    except UnicodeEncodeError as error:
        raise RefusedError(
            f"The text holds half a character at position {error.start}: send it whole."
        ) from error


def _valid(kind: type[R], **fields: Any) -> R:
    try:
        made = kind(**fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise RefusedError(
            f"This is not a valid {kind.__name__}: {place}: {first['msg']}."
        ) from error
    if (fault := fault_of(made)) is not None:
        raise RefusedError(f"This is not a valid {kind.__name__}: {fault.reason}.")
    return made
