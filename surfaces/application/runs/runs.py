"""Runs, in a blocking form: submit, follow and steer them, within one scope."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Unpack

from runfold.events.contents.content import Content
from runfold.events.people.approvals import Holds
from runfold.events.records.commands import HOLD_MS, Resolution
from runfold.producers.client import Calls, RequestOptions, RunClient
from runfold.surfaces.application import shapes
from runfold.surfaces.application.runs import follow as following
from runfold.surfaces.application.runs.asking.steer import WITHIN_S, steer
from runfold.surfaces.application.scope import Scope, TenantScope

Send = Callable[[RunClient], str]


class Runs:
    """What one person can do with runs: those of the client's tenant, unless a scope is given.

    Runs of others are not there: NotFoundError. Controls return what became of them; ``within``
    is how many seconds their effect is waited for.
    """

    def __init__(
        self, client: RunClient, scope: Scope | None = None, within: float = WITHIN_S
    ) -> None:
        self.client = client
        self.scope = scope or TenantScope(client.tenant_id)
        self._within = within

    def submit(self, goal: str | Content, agent: str, **options: Unpack[RequestOptions]) -> str:
        """Return the id of the run that was asked for, once the request is durable."""
        return self.client.request(goal, agent, **options)

    def status(self, run_id: str) -> shapes.RunDetail:
        """Return where a run stands."""
        return following.status(self.client, self.scope, run_id)

    def events(
        self,
        run_id: str,
        *,
        after_seq: int = 0,
        follow: bool = False,
        timeout: float | None = None,
    ) -> Iterator[shapes.Event]:
        """Yield a run's events after ``after_seq``; with ``follow`` as they come, to the last."""
        return following.events(
            self.client, self.scope, run_id, after_seq=after_seq, follow=follow, timeout=timeout
        )

    def wait(self, run_id: str, timeout: float | None = None) -> shapes.Completion:
        """Return how a run ended, once it has; raises NotYetError after ``timeout`` seconds."""
        return following.wait(self.client, self.scope, run_id, timeout)

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
    ) -> shapes.ControlOutcome:
        """Let a proposed call run, with edited arguments where given.

        ``shown`` is the digest of what was shown, by default that of what is open when it is sent;
        ``holds`` says for which other calls of the run it holds.
        """
        return self.steer(
            run_id,
            lambda c: c.approve(
                run_id,
                call_id,
                arguments,
                comment,
                shown=shown,
                holds=holds,
                on_behalf_of=on_behalf_of,
            ),
        )

    def deny(
        self,
        run_id: str,
        call_id: str,
        reason: str,
        *,
        shown: str | None = None,
        on_behalf_of: str | None = None,
    ) -> shapes.ControlOutcome:
        """Refuse a proposed call; the model is told the reason."""
        return self.steer(
            run_id,
            lambda c: c.deny(run_id, call_id, reason, shown=shown, on_behalf_of=on_behalf_of),
        )

    def resolve(
        self,
        run_id: str,
        call_id: str,
        resolution: Resolution,
        result: Content | None = None,
        comment: str | None = None,
    ) -> shapes.ControlOutcome:
        """Say whether an uncertain call happened."""
        return self.steer(run_id, lambda c: c.resolve(run_id, call_id, resolution, result, comment))

    def pause(self, run_id: str, reason: str = "") -> shapes.ControlOutcome:
        """Let the run make no new call until it is resumed."""
        return self.steer(run_id, lambda c: c.pause(run_id, reason))

    def resume(self, run_id: str, reason: str = "") -> shapes.ControlOutcome:
        """Let a paused run go on."""
        return self.steer(run_id, lambda c: c.resume(run_id, reason))

    def cancel(self, run_id: str, reason: str = "") -> shapes.ControlOutcome:
        """End the run."""
        return self.steer(run_id, lambda c: c.cancel(run_id, reason))

    def extend(
        self, run_id: str, added: Mapping[str, Decimal], reason: str = ""
    ) -> shapes.ControlOutcome:
        """Let the run use more, by unit."""
        return self.steer(run_id, lambda c: c.extend(run_id, added, reason))

    def deny_extension(self, run_id: str, reason: str = "") -> shapes.ControlOutcome:
        """Let a run end that waits for more."""
        return self.steer(run_id, lambda c: c.deny_extension(run_id, reason))

    def tell(self, run_id: str, message: str | Content) -> shapes.ControlOutcome:
        """Say something to the run; the model reads it at its next turn."""
        return self.steer(run_id, lambda c: c.tell(run_id, message))

    def instruct(self, run_id: str, instructions: str | Content) -> shapes.ControlOutcome:
        """Replace the run's instructions from here on."""
        return self.steer(run_id, lambda c: c.instruct(run_id, instructions))

    def answer(
        self,
        run_id: str,
        question_id: str,
        answer: str | Content,
        *,
        shown: str | None = None,
        on_behalf_of: str | None = None,
    ) -> shapes.ControlOutcome:
        """Answer what the agent asked."""
        return self.steer(
            run_id,
            lambda c: c.answer(run_id, question_id, answer, shown=shown, on_behalf_of=on_behalf_of),
        )

    def take_over(
        self, run_id: str, reason: str = "", hold_ms: int = HOLD_MS
    ) -> shapes.ControlOutcome:
        """Answer in the model's place from here on, until the run is handed back or forgotten."""
        return self.steer(run_id, lambda c: c.take_over(run_id, reason, hold_ms))

    def reply(
        self, run_id: str, said: str | Content | None = None, calls: Calls = ()
    ) -> shapes.ControlOutcome:
        """Answer in the model's place: with words, with calls (tool and arguments), or both."""
        return self.steer(run_id, lambda c: c.reply(run_id, said, calls))

    def give_result(
        self, run_id: str, call_id: str, result: Content, *, failed: bool = False
    ) -> shapes.ControlOutcome:
        """Answer an open call in its tool's place; ``failed`` says that it could not be done."""
        return self.steer(run_id, lambda c: c.give_result(run_id, call_id, result, failed=failed))

    def hand_back(self, run_id: str, reason: str = "") -> shapes.ControlOutcome:
        """Let the model answer again."""
        return self.steer(run_id, lambda c: c.hand_back(run_id, reason))

    def steer(self, run_id: str, send: Send) -> shapes.ControlOutcome:
        """Send a control with a client in the name of the run's tenant; return its effect."""
        return steer(self.client, self.scope, run_id, send, self._within)
