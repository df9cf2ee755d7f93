"""Runs on an event loop: with the same guarantees as ``Runs``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Unpack

from runfold.events.contents.content import Content
from runfold.events.people.approvals import Holds
from runfold.events.records.commands import HOLD_MS, Resolution
from runfold.producers.client import AsyncRunClient, Calls, RequestOptions
from runfold.surfaces.application import shapes
from runfold.surfaces.application.runs import async_follow
from runfold.surfaces.application.runs.asking.steer import WITHIN_S
from runfold.surfaces.application.scope import Scope, TenantScope

Send = Callable[[AsyncRunClient], Awaitable[str]]


class AsyncRuns:
    """What one person can do with runs: those of the client's tenant, unless a scope is given."""

    def __init__(
        self, client: AsyncRunClient, scope: Scope | None = None, within: float = WITHIN_S
    ) -> None:
        self.client = client
        self.scope = scope or TenantScope(client.tenant_id)
        self._within = within

    async def submit(
        self, goal: str | Content, agent: str, **options: Unpack[RequestOptions]
    ) -> str:
        """Return the id of the run that was asked for, once the request is durable."""
        return await self.client.request(goal, agent, **options)

    async def status(self, run_id: str) -> shapes.RunDetail:
        """Return where a run stands."""
        return await async_follow.status(self.client, self.scope, run_id)

    def events(
        self,
        run_id: str,
        *,
        after_seq: int = 0,
        follow: bool = False,
        timeout: float | None = None,
    ) -> AsyncIterator[shapes.Event]:
        """Yield a run's events after ``after_seq``; with ``follow`` as they come, to the last."""
        return async_follow.events(
            self.client, self.scope, run_id, after_seq=after_seq, follow=follow, timeout=timeout
        )

    async def wait(
        self,
        run_id: str,
        timeout: float | None = None,  # noqa: ASYNC109 - as its blocking twin
    ) -> shapes.Completion:
        """Return how a run ended, once it has; raises NotYetError after ``timeout`` seconds."""
        return await async_follow.wait(self.client, self.scope, run_id, timeout)

    async def approve(
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
        return await self.steer(
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

    async def deny(
        self,
        run_id: str,
        call_id: str,
        reason: str,
        *,
        shown: str | None = None,
        on_behalf_of: str | None = None,
    ) -> shapes.ControlOutcome:
        """Refuse a proposed call; the model is told the reason."""
        return await self.steer(
            run_id,
            lambda c: c.deny(run_id, call_id, reason, shown=shown, on_behalf_of=on_behalf_of),
        )

    async def resolve(
        self,
        run_id: str,
        call_id: str,
        resolution: Resolution,
        result: Content | None = None,
        comment: str | None = None,
    ) -> shapes.ControlOutcome:
        """Say whether an uncertain call happened."""
        return await self.steer(
            run_id, lambda c: c.resolve(run_id, call_id, resolution, result, comment)
        )

    async def pause(self, run_id: str, reason: str = "") -> shapes.ControlOutcome:
        """Let the run make no new call until it is resumed."""
        return await self.steer(run_id, lambda c: c.pause(run_id, reason))

    async def resume(self, run_id: str, reason: str = "") -> shapes.ControlOutcome:
        """Let a paused run go on."""
        return await self.steer(run_id, lambda c: c.resume(run_id, reason))

    async def cancel(self, run_id: str, reason: str = "") -> shapes.ControlOutcome:
        """End the run."""
        return await self.steer(run_id, lambda c: c.cancel(run_id, reason))

    async def extend(
        self, run_id: str, added: Mapping[str, Decimal], reason: str = ""
    ) -> shapes.ControlOutcome:
        """Let the run use more, by unit."""
        return await self.steer(run_id, lambda c: c.extend(run_id, added, reason))

    async def deny_extension(self, run_id: str, reason: str = "") -> shapes.ControlOutcome:
        """Let a run end that waits for more."""
        return await self.steer(run_id, lambda c: c.deny_extension(run_id, reason))

    async def tell(self, run_id: str, message: str | Content) -> shapes.ControlOutcome:
        """Say something to the run; the model reads it at its next turn."""
        return await self.steer(run_id, lambda c: c.tell(run_id, message))

    async def instruct(self, run_id: str, instructions: str | Content) -> shapes.ControlOutcome:
        """Replace the run's instructions from here on."""
        return await self.steer(run_id, lambda c: c.instruct(run_id, instructions))

    async def answer(
        self,
        run_id: str,
        question_id: str,
        answer: str | Content,
        *,
        shown: str | None = None,
        on_behalf_of: str | None = None,
    ) -> shapes.ControlOutcome:
        """Answer what the agent asked."""
        return await self.steer(
            run_id,
            lambda c: c.answer(run_id, question_id, answer, shown=shown, on_behalf_of=on_behalf_of),
        )

    async def take_over(
        self, run_id: str, reason: str = "", hold_ms: int = HOLD_MS
    ) -> shapes.ControlOutcome:
        """Answer in the model's place from here on, until the run is handed back or forgotten."""
        return await self.steer(run_id, lambda c: c.take_over(run_id, reason, hold_ms))

    async def reply(
        self, run_id: str, said: str | Content | None = None, calls: Calls = ()
    ) -> shapes.ControlOutcome:
        """Answer in the model's place: with words, with calls (tool and arguments), or both."""
        return await self.steer(run_id, lambda c: c.reply(run_id, said, calls))

    async def give_result(
        self, run_id: str, call_id: str, result: Content, *, failed: bool = False
    ) -> shapes.ControlOutcome:
        """Answer an open call in its tool's place; ``failed`` says that it could not be done."""
        return await self.steer(
            run_id, lambda c: c.give_result(run_id, call_id, result, failed=failed)
        )

    async def hand_back(self, run_id: str, reason: str = "") -> shapes.ControlOutcome:
        """Let the model answer again."""
        return await self.steer(run_id, lambda c: c.hand_back(run_id, reason))

    async def steer(self, run_id: str, send: Send) -> shapes.ControlOutcome:
        """Send a control with a client in the name of the run's tenant; return its effect."""
        return await async_follow.steer(self.client, self.scope, run_id, send, self._within)
