"""The client for an event loop: the same as ``runfold.client``, awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from decimal import Decimal
from types import TracebackType
from typing import Any, Self, Unpack

from runfold.client import Found
from runfold.connecting import connection
from runfold.events.commands import Resolution
from runfold.events.content import json_content
from runfold.failures import as_ours
from runfold.producers.client import AsyncRunClient, RequestOptions
from runfold.surfaces.application.runs.async_runs import AsyncRuns
from runfold.surfaces.application.runs.submit import more_of
from runfold.surfaces.application.shapes import Completion, ControlOutcome, Event, RunDetail


async def connect_async(
    bootstrap_servers: str | None = None,
    *,
    schema_registry_url: str | None = None,
    deployment: str | None = None,
    tenant_id: str = "default",
    user_id: str = "me",
) -> AsyncClient:
    """Return a client of the Kafka at ``bootstrap_servers``.

    ``deployment`` is the name of the one that is meant, where several share that Kafka. What is not
    given is read from KAFKA_BOOTSTRAP_SERVERS, SCHEMA_REGISTRY_URL and RUNFOLD_DEPLOYMENT (security
    from the other KAFKA_* variables); without an address, it is the stack that ``runfold up``
    started. It speaks in the name of one tenant's user and sees that tenant's runs only. Raises
    UnavailableError where nothing runs, InvalidError for a name that no deployment has.
    """
    with as_ours():
        made = await asyncio.to_thread(
            connection, bootstrap_servers, schema_registry_url, deployment
        )
        client = AsyncRunClient(made.writer, made.reader, tenant_id, user_id)

    async def close() -> None:
        await client.close()
        await asyncio.to_thread(made.writer.close)

    return AsyncClient(AsyncRuns(client), close)


class AsyncClient:
    """Starts and finds runs, all from one event loop; as an async context manager it closes."""

    def __init__(self, runs: AsyncRuns, close: Callable[[], Awaitable[None]]) -> None:
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

    def __init__(self, runs: AsyncRuns, run_id: str) -> None:
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

    async def approve(
        self,
        call_id: str,
        *,
        arguments: Mapping[str, Any] | None = None,
        comment: str | None = None,
    ) -> ControlOutcome:
        """Let a proposed call run, with other arguments where given."""
        edited = None if arguments is None else json_content(dict(arguments))
        with as_ours():
            return await self._runs.approve(self.id, call_id, edited, comment)

    async def deny(self, call_id: str, reason: str) -> ControlOutcome:
        """Refuse a proposed call; the model is told the reason."""
        with as_ours():
            return await self._runs.deny(self.id, call_id, reason)

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

    async def answer(self, question_id: str, answer: str) -> ControlOutcome:
        """Answer what the agent asked."""
        with as_ours():
            return await self._runs.answer(self.id, question_id, answer)
