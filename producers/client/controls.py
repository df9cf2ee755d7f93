"""The controls, once for every client: each makes what is sent, and sends it.

Over Kafka what is made is a record and what comes of it its id; over HTTP it is a request, and what
comes of it is an outcome. On an event loop either is awaited.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from decimal import Decimal
from typing import Generic, Protocol, TypeVar

from runfold.events.contents.content import Content
from runfold.events.people.approvals import Holds
from runfold.events.records.commands import HOLD_MS, Resolution
from runfold.producers.client.messages import Calls

M = TypeVar("M")
M_co = TypeVar("M_co", covariant=True)
T = TypeVar("T")


class Says(Protocol[M_co]):
    """Makes what is sent; raises RefusedError or InvalidError for what nobody could accept."""

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
    ) -> M_co:
        """Return the permit of a call."""
        ...

    def deny(
        self,
        run_id: str,
        call_id: str,
        reason: str,
        *,
        shown: str | None = None,
        on_behalf_of: str | None = None,
    ) -> M_co:
        """Return the refusal of a call."""
        ...

    def resolve(
        self,
        run_id: str,
        call_id: str,
        resolution: Resolution,
        result: Content | None,
        comment: str | None,
    ) -> M_co:
        """Return what was found out about an uncertain call."""
        ...

    def pause(self, run_id: str, reason: str) -> M_co:
        """Return a request to pause."""
        ...

    def resume(self, run_id: str, reason: str) -> M_co:
        """Return a request to go on."""
        ...

    def cancel(self, run_id: str, reason: str) -> M_co:
        """Return a request to end."""
        ...

    def extend(self, run_id: str, added: Mapping[str, Decimal], reason: str) -> M_co:
        """Return a request to let a run use more, by unit."""
        ...

    def deny_extension(self, run_id: str, reason: str) -> M_co:
        """Return the answer that a run which waits for more gets none."""
        ...

    def tell(self, run_id: str, message: str | Content) -> M_co:
        """Return a message to a run."""
        ...

    def instruct(self, run_id: str, instructions: str | Content) -> M_co:
        """Return new instructions for a run."""
        ...

    def answer(
        self,
        run_id: str,
        question_id: str,
        answer: str | Content,
        *,
        shown: str | None = None,
        on_behalf_of: str | None = None,
    ) -> M_co:
        """Return an answer to what the agent asked."""
        ...

    def take_over(self, run_id: str, reason: str, hold_ms: int) -> M_co:
        """Return a request to answer in the model's place."""
        ...

    def reply(self, run_id: str, said: str | Content | None, calls: Calls) -> M_co:
        """Return an answer in the model's place."""
        ...

    def give_result(self, run_id: str, call_id: str, result: Content, *, failed: bool) -> M_co:
        """Return a result in a tool's place."""
        ...

    def hand_back(self, run_id: str, reason: str) -> M_co:
        """Return a request to let the model answer again."""
        ...


class Controls(ABC, Generic[M, T]):
    """Controls of runs."""

    @property
    @abstractmethod
    def _says(self) -> Says[M]:
        """What makes them."""

    @abstractmethod
    def _sent(self, made: M) -> T:
        """Send one, and return what becomes of it."""

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
        """Let a proposed call run, with edited arguments where given.

        ``shown`` is the digest of what was shown, ``holds`` for which other calls it holds, and
        ``on_behalf_of`` who is absent and has delegated to this user.
        """
        made = self._says.approve(
            run_id,
            call_id,
            arguments,
            comment,
            shown=shown,
            holds=holds,
            on_behalf_of=on_behalf_of,
        )
        return self._sent(made)

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
        made = self._says.deny(run_id, call_id, reason, shown=shown, on_behalf_of=on_behalf_of)
        return self._sent(made)

    def resolve(
        self,
        run_id: str,
        call_id: str,
        resolution: Resolution,
        result: Content | None = None,
        comment: str | None = None,
    ) -> T:
        """Say whether an uncertain call happened."""
        return self._sent(self._says.resolve(run_id, call_id, resolution, result, comment))

    def pause(self, run_id: str, reason: str = "") -> T:
        """Let the run make no new call until it is resumed."""
        return self._sent(self._says.pause(run_id, reason))

    def resume(self, run_id: str, reason: str = "") -> T:
        """Let a paused run go on."""
        return self._sent(self._says.resume(run_id, reason))

    def cancel(self, run_id: str, reason: str = "") -> T:
        """End the run."""
        return self._sent(self._says.cancel(run_id, reason))

    def extend(self, run_id: str, added: Mapping[str, Decimal], reason: str = "") -> T:
        """Let the run use more: units are usd, tokens, tool_calls, model_calls and retries."""
        return self._sent(self._says.extend(run_id, added, reason))

    def deny_extension(self, run_id: str, reason: str = "") -> T:
        """Let a run end that waits for more."""
        return self._sent(self._says.deny_extension(run_id, reason))

    def tell(self, run_id: str, message: str | Content) -> T:
        """Say something to the run; the model reads it at its next turn."""
        return self._sent(self._says.tell(run_id, message))

    def instruct(self, run_id: str, instructions: str | Content) -> T:
        """Replace the run's instructions from here on."""
        return self._sent(self._says.instruct(run_id, instructions))

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
        made = self._says.answer(
            run_id, question_id, answer, shown=shown, on_behalf_of=on_behalf_of
        )
        return self._sent(made)

    def take_over(self, run_id: str, reason: str = "", hold_ms: int = HOLD_MS) -> T:
        """Answer in the model's place from here on, until the run is handed back or forgotten."""
        return self._sent(self._says.take_over(run_id, reason, hold_ms))

    def reply(self, run_id: str, said: str | Content | None = None, calls: Calls = ()) -> T:
        """Answer in the model's place: with words, with calls (tool and arguments), or both."""
        return self._sent(self._says.reply(run_id, said, calls))

    def give_result(self, run_id: str, call_id: str, result: Content, *, failed: bool = False) -> T:
        """Answer an open call in its tool's place; ``failed`` says that it could not be done."""
        return self._sent(self._says.give_result(run_id, call_id, result, failed=failed))

    def hand_back(self, run_id: str, reason: str = "") -> T:
        """Let the model answer again."""
        return self._sent(self._says.hand_back(run_id, reason))
