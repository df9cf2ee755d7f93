"""One run of a runtime in memory: what happened in it, and what a person does with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from runfold.client import Found, HoldsFor
from runfold.events.base import Fact
from runfold.events.catalogue import TERMINAL_FACTS
from runfold.events.contents.content import json_content
from runfold.events.records.commands import Control, Resolution
from runfold.producers.client.deciding import holds_of, shown_in
from runfold.producers.client.messages import Messages
from runfold.surfaces.application.errors import NotYetError
from runfold.surfaces.application.rendering import completion_of, event_of, outcome_of
from runfold.surfaces.application.runs.asking.steer import has_ended, is_effect
from runfold.surfaces.application.runs.reading.run_detail import RunFold
from runfold.surfaces.application.shapes import (
    Completion,
    ControlOutcome,
    Event,
    RunDetail,
    Wait,
)
from runfold.testing.history import History

if TYPE_CHECKING:
    from runfold.testing.runtime import MemoryRuntime

F = TypeVar("F", bound=Fact)


class MemoryRun:
    """A run that stands where it can go no further by itself.

    Controls let it go on, and return what became of them; they raise RunEndedError where it has
    ended.
    """

    def __init__(self, run_id: str, runtime: MemoryRuntime, messages: Messages) -> None:
        self.id = run_id
        self._runtime = runtime
        self._messages = messages

    @property
    def facts(self) -> tuple[Fact, ...]:
        """Every fact of the run, in order and whole."""
        return tuple(event.fact for event in self._runtime.events(self.id))

    @property
    def events(self) -> tuple[Event, ...]:
        """Every event of the run, as applications see it."""
        return tuple(event_of(event) for event in self._runtime.events(self.id))

    def history(self) -> History:
        """Return the record of the run, to be checked or kept in a file."""
        return self._runtime.history(self.id)

    @property
    def status(self) -> RunDetail:
        """Where the run stands."""
        folded = RunFold()
        for event in self._runtime.events(self.id):
            folded.take(event)
        detail = folded.detail()
        assert detail is not None, "the run has no events: its request is a dead letter"
        return detail

    @property
    def waits(self) -> tuple[Wait, ...]:
        """What waits for a person."""
        return self.status.waits_for

    @property
    def ended(self) -> bool:
        """Whether the run has ended."""
        facts = self.facts
        return bool(facts) and isinstance(facts[-1], TERMINAL_FACTS)

    @property
    def completion(self) -> Completion:
        """How the run ended; raises NotYetError where it has not."""
        last = self._runtime.events(self.id)[-1]
        found = getattr(last.fact, "exit", None)
        if found is None:
            raise NotYetError(
                f"Run {self.id} has not ended: it is {last.meta.status.value}, and waits for "
                f"{', '.join(wait.kind for wait in self.waits) or 'time to pass'}."
            )
        return completion_of(found)

    def only(self, kind: type[F]) -> F:
        """Return the one fact of a kind; raises AssertionError where there is not one."""
        found = [fact for fact in self.facts if isinstance(fact, kind)]
        names = [type(fact).__name__ for fact in self.facts]
        assert len(found) == 1, f"{kind.__name__} came {len(found)} times in {names}"
        return found[0]

    def approve(  # noqa: PLR0913 - as a run's own, and who approves
        self,
        call_id: str,
        *,
        arguments: Mapping[str, Any] | None = None,
        comment: str | None = None,
        shown: str | None = None,
        holds_for: HoldsFor = "once",
        where: Sequence[str] = (),
        times: int | None = None,
        by: str | None = None,
        roles: Sequence[str] = (),
    ) -> ControlOutcome:
        """Let a proposed call run, with other arguments where given, as ``runfold.Run`` does.

        ``by`` is who approves, the runtime's own user unless somebody is named, with ``roles``.
        """
        edited = None if arguments is None else json_content(dict(arguments))
        holds = holds_of(holds_for, where, times)
        said = self._said_by(by, roles)
        return self._control(
            said.approve(self.id, call_id, edited, comment, shown=shown, holds=holds)
        )

    def deny(self, call_id: str, reason: str, *, shown: str | None = None) -> ControlOutcome:
        """Refuse a proposed call; the model is told the reason."""
        said = self._said_by(None, ())
        return self._control(said.deny(self.id, call_id, reason, shown=shown))

    def resolve(
        self, call_id: str, found: Found, *, result: object = None, comment: str | None = None
    ) -> ControlOutcome:
        """Say whether an uncertain call happened."""
        content = None if result is None else json_content(result)
        resolution = Resolution(found)
        return self._control(self._messages.resolve(self.id, call_id, resolution, content, comment))

    def pause(self, reason: str = "") -> ControlOutcome:
        """Let the run make no new call until it is resumed."""
        return self._control(self._messages.pause(self.id, reason))

    def resume(self, reason: str = "") -> ControlOutcome:
        """Let a paused run go on."""
        return self._control(self._messages.resume(self.id, reason))

    def cancel(self, reason: str = "") -> ControlOutcome:
        """End the run."""
        return self._control(self._messages.cancel(self.id, reason))

    def tell(self, message: str) -> ControlOutcome:
        """Say something to the run."""
        return self._control(self._messages.tell(self.id, message))

    def instruct(self, instructions: str) -> ControlOutcome:
        """Replace the run's instructions from here on."""
        return self._control(self._messages.instruct(self.id, instructions))

    def answer(self, question_id: str, answer: str, *, shown: str | None = None) -> ControlOutcome:
        """Answer what the agent asked."""
        said = self._said_by(None, ())
        return self._control(said.answer(self.id, question_id, answer, shown=shown))

    def _said_by(self, user: str | None, roles: Sequence[str]) -> Messages:
        """Return messages of a person who has seen what is open."""
        return Messages(
            self._messages.tenant_id,
            user or self._messages.user_id,
            roles=tuple(roles),
            seen=shown_in(self._runtime.events(self.id)),
        )

    def _control(self, control: Control) -> ControlOutcome:
        before = self._runtime.events(self.id)
        if before and isinstance(before[-1].fact, TERMINAL_FACTS):
            raise has_ended(before[-1])
        self._runtime.control(control, self.id)
        for event in self._runtime.events(self.id)[len(before) :]:
            if is_effect(event, control.request_id):
                return outcome_of(event)
        raise AssertionError(f"{type(control).__name__} led to no event: it is a dead letter")
