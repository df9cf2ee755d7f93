"""A client that raises what is no Exception fails its call, and nothing waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from runfold.events.calls import ModelResult, Outcome
from runfold.processors.effects.kinds import Served
from runfold.processors.effects.local import LocalEffects
from runfold.processors.model.kind import MODEL_CALL
from runfold.processors.model.processor import ModelProcessor
from tests.model.given import call, scripts, settings, work

SETTINGS = settings(OPENAI_BASE_URL="http://127.0.0.1:9")
PATIENCE_S = 60.0


class PanicError(BaseException):
    """As extensions raise it where a program of another language panics."""


RAISED = (
    PanicError("panic"),
    asyncio.CancelledError("leaked"),
    SystemExit(3),
    BaseExceptionGroup("several", [PanicError("one"), ValueError("two")]),
    MemoryError(),
    RecursionError(),
    StopAsyncIteration(),
)


class Raises(httpx.AsyncBaseTransport):
    """Raises at once, or in the middle of the body."""

    def __init__(self, error: BaseException, *, later: bool) -> None:
        self._error = error
        self._later = later

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not self._later:
            raise self._error
        return httpx.Response(200, stream=_Body(self._error))


class _Body(httpx.AsyncByteStream):
    def __init__(self, error: BaseException) -> None:
        self._error = error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b'{"choices": ['
        raise self._error


@pytest.mark.parametrize("later", [False, True], ids=["at once", "in the body"])
@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_the_call_fails_as_the_provider_s(error: BaseException, later: bool) -> None:
    found = call(work(timeout_ms=60_000), replace(SETTINGS, network=Raises(error, later=later)))
    assert found.outcome is Outcome.FAILED
    assert found.error is not None
    assert found.error.error_type in {"malformed_response", "connection_lost"}


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_its_host_delivers_the_result_and_goes_on(error: BaseException) -> None:
    network = Raises(error, later=False)
    models = ModelProcessor(replace(SETTINGS, network=network), scripts())
    effects = LocalEffects(Served(MODEL_CALL, models.call), resources=(models,))
    told: list[ModelResult] = []
    try:
        for number in range(2):
            effects.submit(work(call_id=f"run.{number}"), told.append)  # type: ignore[arg-type]
        asyncio.run(_until_two(told))
    finally:
        effects.close()
    assert {each.outcome for each in told} == {Outcome.FAILED}


async def _until_two(told: list[ModelResult]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while len(told) < 2:  # noqa: ASYNC110 - another thread fills it
            await asyncio.sleep(0.02)


class Hangs(httpx.AsyncBaseTransport):
    """Never answers."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(600)
        raise AssertionError("nobody waits so long")


def test_a_call_that_is_cancelled_is_cancelled() -> None:
    async def cancelled() -> bool:
        given = replace(SETTINGS, network=Hangs())
        async with ModelProcessor(given, scripts()) as models:
            making = asyncio.create_task(models.call(work(timeout_ms=60_000)))
            await asyncio.sleep(0.05)
            making.cancel()
            await asyncio.wait([making])
            return making.cancelled()

    assert asyncio.run(cancelled())
