"""Requests to addresses that strangers chose: a POST that reaches the public internet alone.

The order of the checks:
1. the address as it is written: scheme, host, port, no user or password, a literal address
2. every address that the name stands for, resolved by us: one that is refused refuses all
3. the socket, when it is made for one of those addresses: a name cannot point elsewhere meanwhile
Redirects are not followed, proxies of the environment not used, cookies not kept. An answer is read
to a bound of bytes and of seconds, and never inflated.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from runfold.infra.http.addresses import refusal_of
from runfold.infra.http.body import IDENTITY
from runfold.infra.http.rules import OutgoingRules, RefusedTargetError
from runfold.infra.http.trust import trust

_MOST_LINE = 8_190
_RESOLVE_S = 5.0
_LONGEST_RETRY_S = 86_400.0
_KEEP_ALIVE_S = 15.0

__all__ = ["Answer", "NoAnswerError", "Outgoing", "OutgoingRules", "RefusedTargetError"]


class NoAnswerError(Exception):
    """Nobody answered in time and in form; ``sent`` says whether the request may have arrived.

    ``kind`` is one of ``resolve``, ``connect``, ``tls``, ``timeout``, ``broken``.
    """

    def __init__(self, kind: str, sentence: str, *, sent: bool) -> None:
        super().__init__(sentence)
        self.kind, self.sent = kind, sent


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered: ``body`` is the beginning of it, ``retry_after_s`` its wish."""

    status: int
    retry_after_s: float | None = None
    body: bytes = field(default=b"", repr=False)
    took_ms: int = 0


class _Checked(AbstractResolver):
    """Resolves names, and refuses those that stand for an address which is not allowed."""

    def __init__(self, rules: OutgoingRules) -> None:
        self._rules = rules

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a name."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_RESOLVE_S):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        made: list[ResolveResult] = []
        for kind, _type, protocol, _name, place in found:
            address = str(place[0])
            if why := refusal_of(address, self._rules.networks):
                # Whoever chose the name is not told what it stands for here.
                raise RefusedTargetError(f"what {host} stands for {why}")
            made.append(
                ResolveResult(
                    hostname=host,
                    host=address,
                    port=port,
                    family=kind,
                    proto=protocol,
                    flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
                )
            )
        return made

    async def close(self) -> None:
        """Nothing is held."""


class Outgoing:
    """Sends; one for a loop, closed at its end. Any number of requests may be under way."""

    def __init__(self, rules: OutgoingRules) -> None:
        self.rules = rules
        # Made at the first request: a connector belongs to the loop that runs.
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Return it."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], timeout_s: float = 15.0
    ) -> Answer:
        """Send a body and return what was answered, whichever status it has.

        Raises RefusedTargetError where no request may go there, NoAnswerError where no whole
        answer came within ``timeout_s`` seconds.
        """
        self.rules.check(url)
        began = time.monotonic()
        sent = {**IDENTITY, "user-agent": "runfold", **headers}
        try:
            async with self._opened().post(
                url,
                data=body,
                headers=sent,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout_s),
            ) as response:
                start = await _beginning(response, self.rules.answer_bytes)
                return Answer(
                    status=response.status,
                    retry_after_s=_seconds(response.headers.get("retry-after")),
                    body=start,
                    took_ms=round((time.monotonic() - began) * 1000),
                )
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise _no_answer(error, timeout_s) from error

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            rules = self.rules

            def made(info: Any) -> socket.socket:
                # The last moment before a connection: also for addresses that are no names.
                rules.check_address(str(info[4][0]))
                found = socket.socket(family=info[0], type=info[1], proto=info[2])
                found.setblocking(False)
                return found

            connector = aiohttp.TCPConnector(
                limit=rules.connections,
                limit_per_host=rules.per_host,
                resolver=_Checked(rules),
                use_dns_cache=False,
                keepalive_timeout=_KEEP_ALIVE_S,
                ssl=trust(rules.authority),
                socket_factory=made,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
                max_line_size=_MOST_LINE,
                max_field_size=_MOST_LINE,
            )
        return self._session


async def _beginning(response: aiohttp.ClientResponse, most: int) -> bytes:
    """Return up to ``most`` bytes of a body; a longer one is left, with its connection."""
    found = bytearray()
    while len(found) <= most:
        piece = await response.content.read(most + 1 - len(found))
        if not piece:
            return bytes(found)
        found += piece
    response.close()
    return bytes(found[:most])


def _seconds(text: str | None) -> float | None:
    """Return what ``Retry-After`` asks for in seconds; dates are not read."""
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > 6:
        return None
    return min(float(text), _LONGEST_RETRY_S)


def _no_answer(error: Exception, timeout_s: float) -> NoAnswerError | RefusedTargetError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, RefusedTargetError):
            return cause
        cause = cause.__cause__ or cause.__context__
    match error:
        case aiohttp.ClientConnectorDNSError() | socket.gaierror():
            return NoAnswerError("resolve", "the name cannot be resolved", sent=False)
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return NoAnswerError("tls", "the certificate or TLS is not accepted", sent=False)
        case aiohttp.ClientConnectorError():
            return NoAnswerError("connect", "no connection could be made", sent=False)
        case TimeoutError():
            return NoAnswerError("timeout", f"no whole answer within {timeout_s:g} s", sent=True)
        case _:
            name = type(error).__name__
            return NoAnswerError("broken", f"the answer broke off ({name})", sent=True)
