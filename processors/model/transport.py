"""One HTTP exchange with a provider: bounded in time and size, every fault classified."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx

from events.content import JSON, canonical_json
from processors.model.faults import ProviderFaultError, Refusal
from processors.model.providers import Provider
from processors.model.redaction import scrub
from processors.model.retry_after import retry_after_ms
from processors.model.wire import WireRequest

_CONNECT_S = 10.0
_MAX_ANSWER_BYTES = 4_000_000
_MAX_CONNECTIONS = 256


class Transport:
    """One pool of connections to all providers; ``now`` reads the wall clock, for Retry-After."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._client: httpx.AsyncClient | None = None

    async def exchange(
        self, provider: Provider, request: WireRequest, credentials: dict[str, str], budget_s: float
    ) -> Any:
        """Return the decoded JSON of a successful answer; ProviderFaultError for anything else.

        Takes at most ``budget_s`` seconds.
        """
        try:
            data = canonical_json(request.body).encode()
        except ValueError as error:
            said = f"the call cannot be written for {provider.name}: {error}"
            raise ProviderFaultError("bad_request", said) from error
        headers = {**request.headers, **credentials, "content-type": JSON}
        try:
            async with asyncio.timeout(budget_s):
                status, answered, body = await self._post(
                    provider, request.path, data, headers, budget_s
                )
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
        if status != httpx.codes.OK:
            refusal = Refusal(status, _decoded(body))
            raise _fault(provider, refusal, retry_after_ms(answered, self._now()))
        decoded = _decoded(body)
        if not isinstance(decoded, dict):
            raise ProviderFaultError(
                "malformed_response", f"{provider.name} answered with something that is not JSON"
            )
        if decoded.get("error"):
            raise _fault(provider, Refusal(_status_in(decoded), decoded), None)
        return decoded

    async def _post(
        self, provider: Provider, path: str, data: bytes, headers: dict[str, str], budget_s: float
    ) -> tuple[int, httpx.Headers, bytes]:
        client = self._open()
        limits = httpx.Timeout(budget_s, connect=min(_CONNECT_S, budget_s))
        async with client.stream(
            "POST",
            provider.base_url + path,
            content=data,
            headers=headers,
            timeout=limits,
        ) as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > _MAX_ANSWER_BYTES:
                    raise ProviderFaultError(
                        "malformed_response",
                        f"{provider.name} answered with more than {_MAX_ANSWER_BYTES} bytes",
                    )
            return response.status_code, response.headers, bytes(body)

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
