"""The client for an event loop: the same as ``runfold.client``, awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from types import TracebackType
from typing import Any, Self, Unpack

from runfold.client import Found, HoldsFor
from runfold.connecting import connection, speaks_for
from runfold.events.contents.content import json_content
from runfold.events.records.commands import HOLD_MS, Resolution
from runfold.failures import as_ours
from runfold.producers.client import AsyncRunClient, RequestOptions
from runfold.producers.client.deciding import holds_of
from runfold.surfaces.application.runs.asking.submit import more_of
from runfold.surfaces.application.runs.async_runs import AsyncRuns
from runfold.surfaces.application.shapes import Completion, ControlOutcome, Event, RunDetail
from runfold.surfaces.client.async_runs import AsyncHttpRuns


async def connect_async(
    bootstrap_servers: str | None = None,
    *,
    schema_registry_url: str | None = None,
    deployment: str | None = None,
    tenant_id: str | None = None,
    user_id: str | None = None,
    roles: Sequence[str] | None = None,
    token: str | None = None,
) -> AsyncClient:
    """Return a client of the Kafka at ``bootstrap_servers``.

    ``deployment`` is the name of the one that is meant, where several share that Kafka. What is not
    given is read from KAFKA_BOOTSTRAP_SERVERS, SCHEMA_REGISTRY_URL and RUNFOLD_DEPLOYMENT (security
    from the other KAFKA_* variables); without an address, it is the stack that ``runfold up``
    started. It speaks in the name of one tenant's user, who has ``roles`` where they decide on
    calls and steer runs, and sees that tenant's runs only: those that are given, else those of its
    ``token`` (else RUNFOLD_TOKEN), else ``default`` and ``me``, who has no roles. Raises
    UnavailableError where nothing runs, InvalidError for a name that no deployment has.
    """
    with as_ours():
        made = await asyncio.to_thread(
            connection, bootstrap_servers, schema_registry_url, deployment, token
        )
        named = speaks_for(made, tenant_id, user_id, roles)
        client = AsyncRunClient(made.writer, made.reader, *named[:2], roles=named.roles)

    async def close() -> None:
        await client.close()
        await asyncio.to_thread(made.writer.close)

    return AsyncClient(AsyncRuns(client), close)


class AsyncClient:
    """Starts and finds runs, all from one event loop; as an async context manager it closes."""

    def __init__(
        self, runs: AsyncRuns | AsyncHttpRuns, close: Callable[[], Awaitable[None]]
    ) -> None:
        self._runs = runs
        self._close = close

    async def run(self, goal: str, agent: str, **options: Unpack[RequestOptions]) -> AsyncRun:
        """Ask for a run and return it, once the request is durable.

        ``agent`` is a name or ``name@version``. The same ``run_id`` twice starts one run. Raises
        InvalidError for a request that nobody could accept, UnavailableError if Kafka is away.
        """
        with as_ours():
            return AsyncRun(self._runs, await self._runs.submit(goal, agent, **options))

    def get(self, run_id: str) -> AsyncRun:
        """Return a run that was asked for before; its methods raise NotFoundError for others."""
        return AsyncRun(self._runs, run_id)

    async def close(self) -> None:
        """Let what is on its way arrive, and stop following."""
        await self._close()

    async def __aenter__(self) -> Self:
        """Return the client."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the client."""
        await self.close()


class AsyncRun:
    """One run. Controls wait for their effect and return it.

    They raise NotFoundError, RunEndedError where the run has ended, and NotYetError where the
    journal says nothing of the control in time.
    """

    def __init__(self, runs: AsyncRuns | AsyncHttpRuns, run_id: str) -> None:
        self._runs = runs
        self.id = run_id

    def __repr__(self) -> str:
        """Return the run's id."""
        return f"AsyncRun({self.id!r})"

    async def status(self) -> RunDetail:
        """Return where the run stands, folded from the journal."""
        with as_ours():
            return await self._runs.status(self.id)

    async def events(
        self,
        *,
        after_seq: int = 0,
        follow: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109 - as its blocking twin
    ) -> AsyncIterator[Event]:
        """Yield the run's events after ``after_seq``; with ``follow`` as they come, to the last.

        Ends quietly after ``timeout`` seconds.
        """
        with as_ours():
            found = self._runs.events(self.id, after_seq=after_seq, follow=follow, timeout=timeout)
            async for event in found:
                yield event

    async def wait(
        self,
        timeout: float | None = None,  # noqa: ASYNC109 - as its blocking twin
    ) -> Completion:
        """Return how the run ended, well or not, once it has.

        Raises NotYetError after ``timeout`` seconds; the run goes on.
        """
        with as_ours():
            return await self._runs.wait(self.id, timeout)

    async def approve(  # noqa: PLR0913 - all that an approval says, by name
        self,
        call_id: str,
        *,
        arguments: Mapping[str, Any] | None = None,
        comment: str | None = None,
        shown: str | None = None,
        holds_for: HoldsFor = "once",
        where: Sequence[str] = (),
        times: int | None = None,
        on_behalf_of: str | None = None,
    ) -> ControlOutcome:
        """Let a proposed call run, with other arguments where given.

        ``shown`` is the ``shown_digest`` of what was looked at, by default of what waits when it is
        sent. It may hold for other calls of the run, ten unless ``times`` says otherwise: of its
        ``tool``, of any (``run``), or of a ``pattern`` of arguments such as ``/amount<=100``.
        ``on_behalf_of`` is for whom, who is absent and has delegated to this user.
        """
        edited = None if arguments is None else json_content(dict(arguments))
        with as_ours():
            holds = holds_of(holds_for, where, times)
            return await self._runs.approve(
                self.id,
                call_id,
                edited,
                comment,
                shown=shown,
                holds=holds,
                on_behalf_of=on_behalf_of,
            )

    async def deny(
        self,
        call_id: str,
        reason: str,
        *,
        shown: str | None = None,
        on_behalf_of: str | None = None,
    ) -> ControlOutcome:
        """Refuse a proposed call; the model is told the reason."""
        with as_ours():
            return await self._runs.deny(
                self.id, call_id, reason, shown=shown, on_behalf_of=on_behalf_of
            )

    async def resolve(
        self, call_id: str, found: Found, *, result: object = None, comment: str | None = None
    ) -> ControlOutcome:
        """Say whether an uncertain call happened, with the JSON ``result`` that it gave."""
        content = None if result is None else json_content(result)
        with as_ours():
            return await self._runs.resolve(self.id, call_id, Resolution(found), content, comment)

    async def pause(self, reason: str = "") -> ControlOutcome:
        """Let the run make no new call until it is resumed."""
        with as_ours():
            return await self._runs.pause(self.id, reason)

    async def resume(self, reason: str = "") -> ControlOutcome:
        """Let a paused run go on."""
        with as_ours():
            return await self._runs.resume(self.id, reason)

    async def cancel(self, reason: str = "") -> ControlOutcome:
        """End the run."""
        with as_ours():
            return await self._runs.cancel(self.id, reason)

    async def extend(self, reason: str = "", **more: Decimal | int | str) -> ControlOutcome:
        """Let the run use more: ``usd``, ``tokens``, ``tool_calls``, ``model_calls``, ``retries``.

        Raises InvalidError for what is no amount.
        """
        with as_ours():
            return await self._runs.extend(self.id, more_of(more), reason)

    async def deny_extension(self, reason: str = "") -> ControlOutcome:
        """Let a run end that has met a limit and waits for more."""
        with as_ours():
            return await self._runs.deny_extension(self.id, reason)

    async def tell(self, message: str) -> ControlOutcome:
        """Say something to the run; the model reads it at its next turn."""
        with as_ours():
            return await self._runs.tell(self.id, message)

    async def instruct(self, instructions: str) -> ControlOutcome:
        """Replace the run's instructions from here on."""
        with as_ours():
            return await self._runs.instruct(self.id, instructions)

    async def answer(
        self,
        question_id: str,
        answer: str,
        *,
        shown: str | None = None,
        on_behalf_of: str | None = None,
    ) -> ControlOutcome:
        """Answer what the agent asked."""
        with as_ours():
            return await self._runs.answer(
                self.id, question_id, answer, shown=shown, on_behalf_of=on_behalf_of
            )

    async def take_over(
        self, reason: str = "", *, hold: timedelta = timedelta(milliseconds=HOLD_MS)
    ) -> ControlOutcome:
        """Answer in the model's place from here on.

        The run goes back to its model when it is handed back, or ``hold`` after the last thing
        that its holder did.
        """
        with as_ours():
            return await self._runs.take_over(self.id, reason, hold // timedelta(milliseconds=1))

    async def reply(
        self, text: str | None = None, *, calls: Sequence[tuple[str, Mapping[str, Any]]] = ()
    ) -> ControlOutcome:
        """Answer in the model's place: with words, with calls of tools, or with both.

        A call is a tool's name and its arguments; ``complete_task`` and ``fail_task`` end the run.
        """
        proposed = [(name, json_content(dict(arguments))) for name, arguments in calls]
        with as_ours():
            return await self._runs.reply(self.id, text, proposed)

    async def give_result(
        self, call_id: str, result: object, *, failed: bool = False
    ) -> ControlOutcome:
        """Answer an open call in its tool's place, with a JSON value."""
        with as_ours():
            return await self._runs.give_result(
                self.id, call_id, json_content(result), failed=failed
            )

    async def hand_back(self, reason: str = "") -> ControlOutcome:
        """Let the model answer again."""
        with as_ours():
            return await self._runs.hand_back(self.id, reason)
