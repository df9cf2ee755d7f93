"""Requests and controls, made and checked in the name of one tenant's user. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar, Unpack

from pydantic import ValidationError

from runfold.events.base import Record
from runfold.events.border import fault_of
from runfold.events.contents.content import Content, text
from runfold.events.expected import first_of
from runfold.events.people.approvals import Holds
from runfold.events.people.origin import Origin
from runfold.events.probe import reserved
from runfold.events.records import commands
from runfold.events.records.commands import Control, Resolution, RunRequested
from runfold.events.records.feedback import FeedbackGiven
from runfold.events.topics import MAX_INPUT_BYTES
from runfold.events.values import ProposedCall
from runfold.producers.client.deciding import digest_of
from runfold.producers.client.options import FeedbackOptions, RequestOptions
from runfold.producers.errors import RefusedError
from runfold.producers.identity import uuid7

R = TypeVar("R", bound=Record)

Calls = Iterable[tuple[str, Content]]
"""Calls that a person proposes in the model's place: tools by name, and their arguments as JSON."""


class Messages:
    """Makes what is published, each message with an id of its own.

    Every method raises RefusedError for what nobody could accept, naming the field. ``roles`` are
    those that the user's controls come with. ``seen`` are digests of what was shown, by the call:
    decisions carry them. ``origin`` is the request of a surface that all of them were asked for
    with. ``own`` are those of Runfold's probe, which alone asks for runs of its tenant.
    ``request_id`` is that of the one control that is made, instead of a new one.
    """

    def __init__(
        self,
        tenant_id: str,
        user_id: str,
        *,
        roles: tuple[str, ...] = (),
        seen: Mapping[str, bytes] | None = None,
        own: bool = False,
        request_id: str | None = None,
        origin: Origin | None = None,
    ) -> None:
        self.tenant_id = tenant_id
        self.user_id = user_id
        self.roles = roles
        self.seen = seen or {}
        self.own = own
        self.request_id = request_id
        self.origin = origin

    def asking_as(self, request_id: str) -> Messages:
        """Return what makes one control, which has this id, for the same user."""
        return Messages(
            self.tenant_id, self.user_id, roles=self.roles, seen=self.seen, origin=self.origin,
            request_id=request_id,
        )  # fmt: skip

    def request(
        self, goal: str | Content, agent: str, **options: Unpack[RequestOptions]
    ) -> RunRequested:
        """Return a request for a run; ``agent`` is a name or ``name@version``."""
        task = goal_of(goal)
        name, _, version = agent.partition("@")
        filled: dict[str, Any] = {
            "run_id": uuid7(),
            "tenant_id": self.tenant_id,
            "user_id": self.user_id,
            "agent_version": version or None,
            "requested_at": datetime.now(UTC),
            "origin": self.origin,
            **options,
        }
        if not self.own and (why := reserved(filled["tenant_id"])):
            raise RefusedError(f"{why}.")
        return _valid(RunRequested, agent=name, goal=task, **filled)

    def feedback(
        self, run_id: str, feedback_id: str, **said: Unpack[FeedbackOptions]
    ) -> FeedbackGiven:
        """Return what this user says about a run."""
        return _valid(
            FeedbackGiven,
            feedback_id=feedback_id,
            run_id=run_id,
            tenant_id=self.tenant_id,
            user_id=self.user_id,
            given_at=datetime.now(UTC),
            **said,
        )

    def approve(
        self,
        run_id: str,
        call_id: str,
        arguments: Content | None,
        comment: str | None,
        *,
        shown: str | None = None,
        holds: Holds | None = None,
        on_behalf_of: str | None = None,
    ) -> Control:
        """Return the permit of a call."""
        return self._control(
            commands.ApproveToolCall,
            run_id,
            call_id=call_id,
            arguments=arguments,
            comment=comment,
            shown_digest=self._shown(call_id, shown),
            holds=holds,
            on_behalf_of=on_behalf_of,
        )

    def deny(
        self,
        run_id: str,
        call_id: str,
        reason: str,
        *,
        shown: str | None = None,
        on_behalf_of: str | None = None,
    ) -> Control:
        """Return the refusal of a call."""
        said = {"call_id": call_id, "reason": reason, "on_behalf_of": on_behalf_of}
        digest = self._shown(call_id, shown)
        return self._control(commands.DenyToolCall, run_id, **said, shown_digest=digest)

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

    def answer(
        self,
        run_id: str,
        question_id: str,
        answer: str | Content,
        *,
        shown: str | None = None,
        on_behalf_of: str | None = None,
    ) -> Control:
        """Return an answer to what the agent asked."""
        said = {"question_id": question_id, "content": content(answer)}
        decided = {"shown_digest": self._shown(question_id, shown), "on_behalf_of": on_behalf_of}
        return self._control(commands.AnswerQuestion, run_id, **said, **decided)

    def take_over(self, run_id: str, reason: str, hold_ms: int) -> Control:
        """Return a request to answer in the model's place."""
        if not commands.SHORTEST_HOLD_MS <= hold_ms <= commands.LONGEST_HOLD_MS:
            raise RefusedError("A run stays with a person for 1m to 7d after the last they did.")
        return self._control(commands.TakeOverRun, run_id, reason=reason, hold_ms=hold_ms)

    def reply(self, run_id: str, said: str | Content | None, calls: Calls) -> Control:
        """Return an answer in the model's place."""
        proposed = tuple(
            ProposedCall(id=str(number), name=name, arguments=arguments)
            for number, (name, arguments) in enumerate(calls, 1)
        )
        words = None if said is None else content(said)
        return self._control(commands.ReplyAsModel, run_id, text=words, calls=proposed)

    def give_result(self, run_id: str, call_id: str, result: Content, *, failed: bool) -> Control:
        """Return a result in a tool's place."""
        return self._control(
            commands.GiveResult, run_id, call_id=call_id, result=result, failed=failed
        )

    def _shown(self, call_id: str, said: str | None) -> bytes | None:
        return digest_of(said, self.seen.get(call_id), call_id)

    def hand_back(self, run_id: str, reason: str) -> Control:
        """Return a request to let the model answer again."""
        return self._control(commands.HandBackRun, run_id, reason=reason)

    def _control(self, kind: type[Control], run_id: str, **fields: Any) -> Control:
        return _valid(
            kind,
            request_id=self.request_id or uuid7(),
            run_id=run_id,
            tenant_id=self.tenant_id,
            actor_id=self.user_id,
            requested_at=datetime.now(UTC),
            roles=self.roles,
            origin=self.origin,
            **fields,
        )


def goal_of(given: str | Content) -> Content:
    """Return a goal as content; raises RefusedError for one that is too large."""
    task = content(given)
    if task.inline is not None and len(task.inline) > MAX_INPUT_BYTES:
        raise RefusedError(
            f"The goal has {len(task.inline):,} bytes and {MAX_INPUT_BYTES:,} are allowed: "
            "put it into a file and say in the goal where it is."
        )
    return task


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
        raise RefusedError(f"This is not a valid {kind.__name__}: {first_of(error)}.") from error
    if (fault := fault_of(made)) is not None:
        raise RefusedError(f"This is not a valid {kind.__name__}: {fault.reason}.")
    return made
