"""The controls, once for both clients: each makes a request, and ``steer`` sends it.

What ``steer`` returns is an outcome, or what is awaited for one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from decimal import Decimal
from typing import Generic, TypeVar

from runfold.events.contents.content import Content
from runfold.events.people.approvals import Holds
from runfold.events.records.commands import HOLD_MS, Resolution
from runfold.producers.client import Calls
from runfold.surfaces.client import asking
from runfold.surfaces.client.asking import Ask

T = TypeVar("T")


class Steering(ABC, Generic[T]):
    """Controls of runs, as ``Runs`` and ``AsyncRuns`` have them over Kafka."""

    @abstractmethod
    def steer(self, ask: Ask) -> T:
        """Send a control and return what became of it."""

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
    ) -> T:
        """Let a proposed call run, with edited arguments where given."""
        ask = asking.approve(
            run_id,
            call_id,
            arguments,
            comment,
            shown=shown,
            holds=holds,
            on_behalf_of=on_behalf_of,
        )
        return self.steer(ask)

    def deny(
        self,
        run_id: str,
        call_id: str,
        reason: str,
        *,
        shown: str | None = None,
        on_behalf_of: str | None = None,
    ) -> T:
        """Refuse a proposed call; the model is told the reason."""
        said = asking.deny(run_id, call_id, reason, shown=shown, on_behalf_of=on_behalf_of)
        return self.steer(said)

    def resolve(
        self,
        run_id: str,
        call_id: str,
        resolution: Resolution,
        result: Content | None = None,
        comment: str | None = None,
    ) -> T:
        """Say whether an uncertain call happened."""
        return self.steer(asking.resolve(run_id, call_id, resolution, result, comment))

    def pause(self, run_id: str, reason: str = "") -> T:
        """Let the run make no new call until it is resumed."""
        return self.steer(asking.with_reason(run_id, "pause", reason))

    def resume(self, run_id: str, reason: str = "") -> T:
        """Let a paused run go on."""
        return self.steer(asking.with_reason(run_id, "resume", reason))

    def cancel(self, run_id: str, reason: str = "") -> T:
        """End the run."""
        return self.steer(asking.with_reason(run_id, "cancel", reason))

    def extend(self, run_id: str, added: Mapping[str, Decimal], reason: str = "") -> T:
        """Let the run use more, by unit."""
        return self.steer(asking.extend(run_id, added, reason))

    def deny_extension(self, run_id: str, reason: str = "") -> T:
        """Let a run end that waits for more."""
        return self.steer(asking.with_reason(run_id, "deny-extension", reason))

    def tell(self, run_id: str, message: str | Content) -> T:
        """Say something to the run; the model reads it at its next turn."""
        return self.steer(asking.tell(run_id, message))

    def instruct(self, run_id: str, instructions: str | Content) -> T:
        """Replace the run's instructions from here on."""
        return self.steer(asking.instruct(run_id, instructions))

    def answer(
        self,
        run_id: str,
        question_id: str,
        answer: str | Content,
        *,
        shown: str | None = None,
        on_behalf_of: str | None = None,
    ) -> T:
        """Answer what the agent asked."""
        said = asking.answer(run_id, question_id, answer, shown=shown, on_behalf_of=on_behalf_of)
        return self.steer(said)

    def take_over(self, run_id: str, reason: str = "", hold_ms: int = HOLD_MS) -> T:
        """Answer in the model's place from here on, until the run is handed back or forgotten."""
        return self.steer(asking.take_over(run_id, reason, hold_ms))

    def reply(self, run_id: str, said: str | Content | None = None, calls: Calls = ()) -> T:
        """Answer in the model's place: with words, with calls (tool and arguments), or both."""
        return self.steer(asking.reply(run_id, said, calls))

    def give_result(self, run_id: str, call_id: str, result: Content, *, failed: bool = False) -> T:
        """Answer an open call in its tool's place; ``failed`` says that it could not be done."""
        return self.steer(asking.give_result(run_id, call_id, result, failed=failed))

    def hand_back(self, run_id: str, reason: str = "") -> T:
        """Let the model answer again."""
        return self.steer(asking.with_reason(run_id, "hand-back", reason))
