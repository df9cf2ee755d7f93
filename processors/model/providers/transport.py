"""One HTTP exchange with a provider: bounded in time and size, every fault classified."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any, NamedTuple

import httpx

from runfold.events.contents.content import JSON, canonical_json
from runfold.infra.http.body import IDENTITY, BodyRefusedError, pieces
from runfold.processors.model.providers.faults import ProviderFaultError
from runfold.processors.model.providers.redaction import scrub
from runfold.processors.model.providers.refusals import Refusal, error_in
from runfold.processors.model.providers.retry_after import retry_after_ms
from runfold.processors.model.providers.settings import Provider
from runfold.processors.model.providers.streams.events import events_in
from runfold.processors.model.providers.streams.reading import Answered, decoded, read
from runfold.processors.model.providers.wire import Assembly, WireRequest

_CONNECT_S = 10.0
_MAX_ANSWER_BYTES = 4_000_000
# Each list and object of a JSON text takes a hundred bytes and more in memory, for two in the text.
_MAX_CONTAINERS = 200_000
_MAX_CONNECTIONS = 256
_LONGEST_ADDRESS = 200


class Exchanged(NamedTuple):
    """A decoded answer, and when its first token came where it was streamed."""

    body: dict[str, Any]
    first_token_at: float | None = None


class _Response(NamedTuple):
    status: int
    headers: httpx.Headers
    answered: Answered


class Transport:
    """One pool of connections to all providers; ``now`` reads the wall clock, for Retry-After.

    ``clock`` counts the seconds of ``Exchanged.first_token_at``; ``network`` is another one than
    the real, for tests.
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
        network: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._now = now
        self._network = network
        self._clock = clock
        self._client: httpx.AsyncClient | None = None

    async def exchange(
        self,
        provider: Provider,
        request: WireRequest,
        credentials: dict[str, str],
        budget_s: float,
        assembly: Assembly,
    ) -> Exchanged:
        """Return the decoded JSON of a successful answer; ProviderFaultError for anything else.

        Takes at most ``budget_s`` seconds. A stream goes through ``assembly``, asked for or not.
        """
        try:
            data = canonical_json(request.body).encode()
        except (ValueError, RecursionError) as error:
            said = f"the call cannot be written for {provider.name}: {error}"
            raise ProviderFaultError("bad_request", said) from error
        headers = {**IDENTITY, **request.headers, **credentials, "content-type": JSON}
        try:
            async with asyncio.timeout(budget_s):
                found = await self._post(provider, request.path, data, headers, budget_s, assembly)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise ProviderFaultError(
                "timeout", f"{provider.name} did not answer within {budget_s:.1f} s"
            ) from error
        except httpx.ConnectError as error:
            said = f"{provider.name} cannot be reached at {provider.base_url}: {error}"
            raise _told("unavailable", said, provider) from error
        except httpx.HTTPError as error:
            said = f"the connection to {provider.name} broke: {error}"
            raise _told("connection_lost", said, provider) from error
        except (ValueError, httpx.InvalidURL) as error:
            said = f"{provider.base_url} cannot be asked: {error}"
            raise _told("not_configured", said, provider) from error
        return self._judged(provider, found, assembly)

    def _judged(self, provider: Provider, found: _Response, assembly: Assembly) -> Exchanged:
        answered = found.answered
        if found.status != httpx.codes.OK:
            pause = retry_after_ms(found.headers, self._now())
            raise _fault(provider, _refusal(found, paused=pause is not None), pause)
        body = assembly.body() if answered.streamed else decoded(answered.data)
        if body is None and answered.streamed:
            said = f"{provider.name} broke off in the middle of its answer"
            raise ProviderFaultError("connection_lost", said)
        if not isinstance(body, dict):
            begun = Refusal(found.status, body, _text(answered.data)).message
            said = f"{provider.name} answered with something that is not a JSON object: {begun}"
            raise _told("malformed_response", said, provider)
        if refusal := error_in(body):
            raise _fault(provider, refusal, None)
        return Exchanged(body, answered.first_token_at)

    async def _post(
        self,
        provider: Provider,
        path: str,
        data: bytes,
        headers: dict[str, str],
        budget_s: float,
        assembly: Assembly,
    ) -> _Response:
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
            try:
                chunks = _bounded(response)
                if status == httpx.codes.OK:
                    answered = await read(chunks, kind, assembly, self._clock)
                else:
                    answered = Answered(await _joined(chunks))
            except BodyRefusedError as error:
                if status != httpx.codes.OK:
                    # Its status says what it is; of its words it is said why there are none.
                    unread = Answered(f"with a body {error}".encode())
                    return _Response(status, response.headers, unread)
                said = f"{provider.name} answered {error}"
                raise ProviderFaultError("malformed_response", said) from error
            return _Response(status, response.headers, answered)

    def _open(self) -> httpx.AsyncClient:
        # Made at the first use: loading the certificates takes longer than many scripted calls.
        if self._client is None:
            self._client = httpx.AsyncClient(
                limits=httpx.Limits(max_connections=_MAX_CONNECTIONS),
                follow_redirects=False,
                transport=self._network,
            )
            # No provider needs a cookie, and none is told what another one set.
            self._client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        return self._client

    async def aclose(self) -> None:
        """Close the connections; the next exchange would open new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


async def _bounded(response: httpx.Response) -> AsyncIterator[bytes]:
    containers = 0
    async for piece in pieces(response, _MAX_ANSWER_BYTES):
        containers += piece.count(b"[") + piece.count(b"{")
        if containers > _MAX_CONTAINERS:
            raise BodyRefusedError(f"with more than {_MAX_CONTAINERS} lists and objects")
        yield piece


async def _joined(chunks: AsyncIterator[bytes]) -> bytes:
    found = bytearray()
    async for chunk in chunks:
        found += chunk
    return bytes(found)


def _refusal(found: _Response, *, paused: bool) -> Refusal:
    """Return a refusal as it was said: JSON, a stream of events with an error, or any text."""
    data = found.answered.data
    onward = found.headers.get("location")
    if 300 <= found.status < 400 and onward:
        place = onward.partition("?")[0][:_LONGEST_ADDRESS]
        said = f"it redirects to {place}, and no redirect is followed: set the address itself"
        return Refusal(found.status, {"message": said})
    body = decoded(data)
    if body is None and b"data:" in data:
        body = next((event for event in events_in(data) if event.get("error")), None)
    return Refusal(found.status, body, _text(data), pause_asked=paused)


def _text(data: bytes) -> str:
    return data[:20_000].decode("utf-8", "replace")


def _fault(provider: Provider, refusal: Refusal, pause_ms: int | None) -> ProviderFaultError:
    said = f"{provider.name} answered {refusal.status}: {refusal.message}"
    pause = refusal.pause_ms if pause_ms is None else pause_ms
    return _told(refusal.error_type, said, provider, pause)


def _told(
    error_type: str, said: str, provider: Provider, pause_ms: int | None = None
) -> ProviderFaultError:
    return ProviderFaultError(error_type, scrub(said, provider.key), retry_after_ms=pause_ms)
