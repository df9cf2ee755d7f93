"""Sends a notification to an address that a stranger gave, and to nowhere that was not meant.

An operator names the hosts that may be told. A host that is named may be anywhere, also near by
and without TLS; any other must be public in each of its addresses, and is spoken to over TLS. The
address that was looked at is the one that is connected to: a name cannot change in between.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

import httpx

from runfold.infra.http import trust
from runfold.infra.http.addresses import refusal_of

ANY_HOST = "*"
LONGEST_URL = 2_000
_WITHIN_S = 10.0


class SendError(Exception):
    """It was not taken; ``over`` says that it will not be, however often it is sent."""

    def __init__(self, sentence: str, *, over: bool = False) -> None:
        super().__init__(sentence)
        self.over = over


class Sender(Protocol):
    """Sends notifications."""

    def why_not(self, url: str) -> str:
        """Return why nothing is sent there, empty where it may be, as far as the address says."""
        ...

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> None:
        """Send once; raises SendError."""
        ...


class HttpSender:
    """Posts to hosts that were named; no redirect is followed, and no answer is read."""

    def __init__(self, hosts: tuple[str, ...]) -> None:
        self._named = frozenset(host.lower() for host in hosts if host != ANY_HOST)
        self._any = ANY_HOST in hosts

    def why_not(self, url: str) -> str:
        """Return why nothing is sent there, empty where it may be."""
        parts = _parts(url)
        if parts is None:
            return f"it is no address such as https://host/path of at most {LONGEST_URL} characters"
        if self._is_named(parts):
            return ""
        if not self._any:
            return f"{parts.hostname} is no host that notifications go to (RUNFOLD_A2A_PUSH_HOSTS)"
        if parts.scheme != "https":
            return "it must begin with https://"
        return _why_not_public(parts.hostname or "")

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> None:
        """Send once; raises SendError."""
        if why := self.why_not(url):
            raise SendError(why, over=True)
        parts = _parts(url)
        assert parts is not None
        try:
            async with asyncio.timeout(_WITHIN_S):
                address = await self._address(parts)
                await _post(parts, address, headers, body)
        except TimeoutError:
            raise SendError(f"{parts.hostname} did not answer in {_WITHIN_S:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise SendError(f"{parts.hostname} cannot be reached: {type(error).__name__}") from None

    async def _address(self, parts: SplitResult) -> str:
        loop, host = asyncio.get_running_loop(), parts.hostname or ""
        try:
            found = await loop.getaddrinfo(host, _port(parts), type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise SendError(f"{host} is not known") from None
        addresses = [str(each[4][0]) for each in found]
        if not self._is_named(parts):
            for address in addresses:
                if why := _why_not_public(address):
                    raise SendError(why)
        return addresses[0]

    def _is_named(self, parts: SplitResult) -> bool:
        host = (parts.hostname or "").lower()
        return host in self._named or f"{host}:{_port(parts)}" in self._named


async def _post(parts: SplitResult, address: str, headers: Mapping[str, str], body: bytes) -> None:
    host = parts.hostname or ""
    shown = f"[{address}]" if ":" in address else address
    url = parts._replace(netloc=f"{shown}:{_port(parts)}", fragment="").geturl()
    named = parts.netloc
    async with (
        httpx.AsyncClient(
            trust_env=False, follow_redirects=False, timeout=_WITHIN_S, verify=trust.public()
        ) as client,
        client.stream(
            "POST",
            url,
            headers={**headers, "host": named},
            content=body,
            extensions={"sni_hostname": host},
        ) as answer,
    ):
        status = answer.status_code
    if not 200 <= status < 300:
        raise SendError(f"{host} answered {status}", over=status == 410)


def _parts(url: str) -> SplitResult | None:
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        there = parts.scheme in {"http", "https"} and parts.hostname and _port(parts)
    except ValueError:
        return None
    return parts if there and "@" not in parts.netloc and "\\" not in url else None


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _why_not_public(host: str) -> str:
    """Return why an address is none of the public Internet; a name is judged when it is known."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return ""
    return f"{host} is no public address" if refusal_of(host) else ""
