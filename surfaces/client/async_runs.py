"""Runs over HTTP on an event loop: what ``application.runs.async_runs.AsyncRuns`` is over Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import aclosing
from typing import Any, Unpack

import httpx

from runfold.events.contents.content import Content
from runfold.producers.client import RequestOptions
from runfold.producers.client.controls import Controls
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import NotYetError
from runfold.surfaces.client import answers, asking, transport
from runfold.surfaces.client.answers import Answer
from runfold.surfaces.client.asking import ASKS, Ask
from runfold.surfaces.client.following import Following, Until
from runfold.surfaces.client.retrying import Trying
from runfold.surfaces.client.transport import Target, transport_error

Outcome = Coroutine[Any, Any, shapes.ControlOutcome]


class AsyncHttpRuns(Controls[Ask, Outcome]):
    """Runs of the key's tenant, all from one event loop. Runs of others are not there."""

    _says = ASKS

    def __init__(self, target: Target) -> None:
        self._target = target
        self._http = httpx.AsyncClient(**target.options())

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def submit(
        self, goal: str | Content, agent: str, **options: Unpack[RequestOptions]
    ) -> str:
        """Return the id of the run that was asked for, once the request is durable."""
        answer = await self._send(asking.submit(goal, agent, **options))
        return answers.shape(shapes.RunAccepted, answers.value(answer.body)).run_id

    async def status(self, run_id: str) -> shapes.RunDetail:
        """Return where a run stands."""
        answer = await self._send(asking.run(run_id))
        return answers.shape(shapes.RunDetail, answers.value(answer.body))

    async def events(
        self,
        run_id: str,
        *,
        after_seq: int = 0,
        follow: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109 - as its blocking twin
    ) -> AsyncIterator[shapes.Event]:
        """Yield a run's events after ``after_seq``; with ``follow`` as they come, to the last."""
        if follow:
            async with aclosing(self._followed(run_id, after_seq, Until(timeout))) as followed:
                async for event in followed:
                    yield event
            return
        while True:
            answer = await self._send(asking.page(run_id, after_seq))
            page = answers.shape(shapes.EventPage, answers.value(answer.body))
            for event in page.events:
                yield event
            if not page.has_more or page.next_after <= after_seq:
                return
            after_seq = page.next_after

    async def wait(
        self,
        run_id: str,
        timeout: float | None = None,  # noqa: ASYNC109 - as its blocking twin
    ) -> shapes.Completion:
        """Return how a run ended, once it has; raises NotYetError after ``timeout`` seconds."""
        until = Until(timeout)
        while True:
            found = await self.status(run_id)
            if found.exit is not None:
                return found.exit
            if until.is_over():
                raise NotYetError(f"Run {run_id} has not ended within {timeout:g} s; it may still.")
            async with aclosing(self._followed(run_id, found.seq, until)) as followed:
                async for _ in followed:
                    pass

    async def _sent(self, made: Ask) -> shapes.ControlOutcome:
        return answers.outcome(await self._send(made))

    async def _send(self, ask: Ask) -> Answer:
        trying = Trying(ask, self._target.retries)
        while True:
            try:
                answer = transport.answer_of(await self._http.request(**transport.arguments(ask)))
            except httpx.HTTPError as error:
                pause = trying.pause_after_loss(sent=not isinstance(error, transport.NOT_SENT))
                if pause is None:
                    raise transport_error(error, trying) from error
            else:
                if answer.status < 300:
                    return answer
                pause = trying.pause_after(answer)
                if pause is None:
                    raise answers.error_of(answer)
            await asyncio.sleep(pause)

    async def _followed(
        self, run_id: str, after: int, until: Until
    ) -> AsyncGenerator[shapes.Event, None]:
        following = Following(run_id, after, self._target.retries)
        while not following.ended and not until.is_over():
            try:
                async with aclosing(self._listened(following, until)) as listened:
                    async for event in listened:
                        yield event
            except httpx.HTTPError as error:
                pause = following.pause_after_loss()
                if until.is_over():
                    return
                if pause is None:
                    raise transport_error(error, following.trying) from error
                await asyncio.sleep(until.bounded(pause))

    async def _listened(
        self, following: Following, until: Until
    ) -> AsyncGenerator[shapes.Event, None]:
        request = transport.arguments(following.ask)
        async with self._http.stream(**request, timeout=transport.QUIET) as response:
            if response.status_code != 200:
                await response.aread()
                pause = following.refused(transport.answer_of(response))
                await asyncio.sleep(until.bounded(pause))
                return
            pieces = response.aiter_bytes()
            while True:
                try:
                    piece = await asyncio.wait_for(anext(pieces), until.left())
                except (TimeoutError, StopAsyncIteration):
                    break
                for event in following.take(piece):
                    yield event
        following.closed()
