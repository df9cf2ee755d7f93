"""One HTTP exchange with a provider: bounded in time and size, every fault classified."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any, NamedTuple

import httpx

from runfold.events.content import JSON, canonical_json
from runfold.processors.model.providers.faults import ProviderFaultError, Refusal
from runfold.processors.model.providers.redaction import scrub
from runfold.processors.model.providers.retry_after import retry_after_ms
from runfold.processors.model.providers.settings import Provider
from runfold.processors.model.providers.streams import events
from runfold.processors.model.providers.wire import Assembly, WireRequest

EVENT_STREAM = "text/event-stream"
_CONNECT_S = 10.0
_MAX_ANSWER_BYTES = 4_000_000
_MAX_CONNECTIONS = 256


class Exchanged(NamedTuple):
    """A decoded answer, and when its first token came where it was streamed."""

    body: dict[str, Any]
    first_token_at: float | None = None


class _Answered(NamedTuple):
    status: int
    headers: httpx.Headers
    data: bytes
    first_token_at: float | None = None
    streamed: bool = False


class Transport:
    """One pool of connections to all providers; ``now`` reads the wall clock, for Retry-After.

    ``clock`` counts the seconds of ``Exchanged.first_token_at``.
    """

    def __init__(
        self, now: Callable[[], datetime], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._now = now
        self._clock = clock
        self._client: httpx.AsyncClient | None = None

    async def exchange(
        self,
        provider: Provider,
        request: WireRequest,
        credentials: dict[str, str],
        budget_s: float,
        assembly: Assembly | None = None,
    ) -> Exchanged:
        """Return the decoded JSON of a successful answer; ProviderFaultError for anything else.

        Takes at most ``budget_s`` seconds. With an ``assembly`` the answer may come as a stream.
        """
        try:
            data = canonical_json(request.body).encode()
        except ValueError as error:
            said = f"the call cannot be written for {provider.name}: {error}"
            raise ProviderFaultError("bad_request", said) from error
        headers = {**request.headers, **credentials, "content-type": JSON}
        try:
            async with asyncio.timeout(budget_s):
                found = await self._post(provider, request.path, data, headers, budget_s, assembly)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise ProviderFaultError(
                "timeout", f"{provider.name} did not answer within {budget_s:.1f} s"
            ) from error
        except httpx.ConnectError as error:
            said = scrub(
                f"{provider.name} cannot be reached at {provider.base_url}: {error}", provider.key
            )
            raise ProviderFaultError("unavailable", said) from error
        except httpx.HTTPError as error:
            said = scrub(f"the connection to {provider.name} broke: {error}", provider.key)
            raise ProviderFaultError("connection_lost", said) from error
        if found.status != httpx.codes.OK:
            refusal = Refusal(found.status, _decoded(found.data))
            raise _fault(provider, refusal, retry_after_ms(found.headers, self._now()))
        streamed = found.streamed and assembly is not None
        decoded = assembly.body() if streamed and assembly else _decoded(found.data)
        if decoded is None and streamed:
            said = f"{provider.name} broke off in the middle of its answer"
            raise ProviderFaultError("connection_lost", said)
        if not isinstance(decoded, dict):
            raise ProviderFaultError(
                "malformed_response", f"{provider.name} answered with something that is not JSON"
            )
        if decoded.get("error"):
            raise _fault(provider, Refusal(_status_in(decoded), decoded), None)
        return Exchanged(decoded, found.first_token_at)

    async def _post(
        self,
        provider: Provider,
        path: str,
        data: bytes,
        headers: dict[str, str],
        budget_s: float,
        assembly: Assembly | None,
    ) -> _Answered:
        client = self._open()
        limits = httpx.Timeout(budget_s, connect=min(_CONNECT_S, budget_s))
        async with client.stream(
            "POST",
            provider.base_url + path,
            content=data,
            headers=headers,
            timeout=limits,
        ) as response:
            status, kind = response.status_code, response.headers.get("content-type", "")
            chunks = _bounded(response, provider)
            if assembly and status == httpx.codes.OK and kind.startswith(EVENT_STREAM):
                first = await self._assemble(events(chunks), assembly)
                return _Answered(status, response.headers, b"", first, streamed=True)
            body = b"".join([chunk async for chunk in chunks])
            return _Answered(status, response.headers, body)

    async def _assemble(
        self, found: AsyncIterator[dict[str, Any]], assembly: Assembly
    ) -> float | None:
        """Feed a stream to its end; return when its first token came."""
        first = None
        async for event in found:
            if assembly.take(event) and first is None:
                first = self._clock()
        return first

    def _open(self) -> httpx.AsyncClient:
        # Made at the first use: loading the certificates takes longer than many scripted calls.
        if self._client is None:
            self._client = httpx.AsyncClient(
                limits=httpx.Limits(max_connections=_MAX_CONNECTIONS), follow_redirects=False
            )
        return self._client

    async def aclose(self) -> None:
        """Close the connections; the next exchange would open new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


async def _bounded(response: httpx.Response, provider: Provider) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > _MAX_ANSWER_BYTES:
            raise ProviderFaultError(
                "malformed_response",
                f"{provider.name} answered with more than {_MAX_ANSWER_BYTES} bytes",
            )
        yield chunk


def _fault(provider: Provider, refusal: Refusal, pause_ms: int | None) -> ProviderFaultError:
    said = f"{provider.name} answered {refusal.status}: {refusal.message}"
    return ProviderFaultError(
        refusal.error_type, scrub(said, provider.key), retry_after_ms=pause_ms
    )


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _status_in(decoded: dict[str, Any]) -> int:
    """Return the status that a gateway wrote into the body of a 200."""
    error = decoded["error"]
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) and 400 <= code < 600 else 502
