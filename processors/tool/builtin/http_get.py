"""http.get: a page from a site on the list.

Every hop is checked: its host against the contract's ``config.allow``, every address the name
stands for against private ranges. The connection is then made to the checked address itself, so
a name cannot point elsewhere a moment later.
"""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import Mapping
from typing import Any

import httpx

from runfold.infra.http import trust
from runfold.infra.http.addresses import refusal_of
from runfold.infra.http.body import IDENTITY, BodyRefusedError, pieces
from runfold.processors.tool.builtin.contracts import contract, number, text
from runfold.processors.tool.context import ToolContext
from runfold.processors.tool.errors import ToolRefusedError

_MOST_HOPS = 5
_PORTS = {"http": 80, "https": 443}
_MOST_BYTES = 1_000_000
_MOST_SENT = 8 * _MOST_BYTES
_LONGEST = 2000

# What a page may say of its encoding; others are read as UTF-8. Python has codecs that are no
# alphabets (unicode_escape, punycode), and some that cost far more than the bytes they read.
_CHARSETS = frozenset(
    {"utf-8", "us-ascii", "ascii", "iso-8859-1", "iso-8859-2", "iso-8859-15", "latin-1"}
    | {"windows-1250", "windows-1251", "windows-1252", "cp1252", "koi8-r"}
    | {"utf-16", "utf-16le", "utf-16be", "shift_jis", "euc-jp", "euc-kr", "gb18030", "gbk", "big5"}
)

CONTRACT = contract(
    "http.get",
    "Fetch a page by HTTP GET from one of the allowed sites. Redirects are followed only to "
    "allowed sites.",
    {
        "url": text("Address, beginning with http:// or https://", minLength=8, maxLength=2000),
        "max_bytes": number("Stop after this many bytes", 1, _MOST_BYTES, 200_000),
    },
    timeout_ms=20_000,
    config={"allow": [], "allow_private": False},
)


async def run(arguments: Mapping[str, Any], context: ToolContext) -> dict[str, Any]:
    """Return status, type and text of the page; an answer of 5xx or 429 may be asked for again."""
    url = _url(arguments["url"])
    async with httpx.AsyncClient(
        trust_env=False, follow_redirects=False, timeout=15, verify=trust.public()
    ) as client:
        for _hop in range(_MOST_HOPS):
            address = await _checked(url, context.config)
            response = await _sent(client, url, address)
            try:
                onward = response.headers.get("location")
                if response.is_redirect and onward:
                    url = _url(onward, url)
                    continue
                return await _page(url, response, arguments.get("max_bytes", 200_000))
            finally:
                await response.aclose()
    raise _refused(f"{arguments['url']} redirects more than {_MOST_HOPS} times")


def _url(given: str, base: httpx.URL | None = None) -> httpx.URL:
    """Return an address, read from where it stands; a server may redirect to what is none."""
    try:
        return httpx.URL(given) if base is None else base.join(given)
    except (httpx.InvalidURL, ValueError) as error:
        raise _refused(f"{given[:200]!a} is no address") from error


async def _checked(url: httpx.URL, config: Mapping[str, Any]) -> str:
    """Return the address to connect to; raises ToolRefusedError for a place not allowed."""
    if url.scheme not in _PORTS or not url.host or url.userinfo:
        raise _refused(f"{url.copy_with(userinfo=b'')} is no plain http or https address")
    port = url.port or _PORTS[url.scheme]
    place = url.host if port in _PORTS.values() else f"{url.host}:{port}"
    if not any(_matches(place, str(entry)) for entry in config.get("allow", ())):
        raise _refused(f"{place} is not on the tool's list of allowed sites")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            url.host, port, type=socket.SOCK_STREAM
        )
    except OSError as error:
        raise ToolRefusedError(
            f"The name {url.host} cannot be resolved.", error_type="unavailable", retryable=True
        ) from error
    addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
    if not config.get("allow_private", False):
        for address in addresses:
            if refusal_of(address):
                raise _refused(f"{url.host} stands for an address of a private network")
    return addresses[0]


def _matches(place: str, entry: str) -> bool:
    if entry.startswith("*."):
        return place.endswith(entry[1:].lower())
    return place == entry.lower()


async def _sent(client: httpx.AsyncClient, url: httpx.URL, address: str) -> httpx.Response:
    request = client.build_request(
        "GET",
        url.copy_with(host=address),
        headers={**IDENTITY, "host": url.netloc.decode(), "user-agent": "runfold"},
        extensions={"sni_hostname": url.host},
    )
    try:
        return await client.send(request, stream=True)
    except httpx.HTTPError as error:
        raise ToolRefusedError(
            f"{url.host} did not answer: {type(error).__name__}.",
            error_type="unavailable",
            retryable=True,
        ) from error


async def _page(url: httpx.URL, response: httpx.Response, limit: int) -> dict[str, Any]:
    if response.status_code >= 500 or response.status_code == 429:
        raise ToolRefusedError(
            f"{url.host} answered with status {response.status_code}.",
            error_type="unavailable",
            retryable=True,
        )
    data = bytearray()
    try:
        async for piece in pieces(response, _MOST_SENT):
            data += piece
            if len(data) > limit:
                break
    except BodyRefusedError as error:
        raise ToolRefusedError(
            f"{url.host} answered {error}.",
            error_type="unreadable",
            suggested_next_action="Use another address: this page cannot be read as it is sent.",
        ) from error
    except httpx.HTTPError as error:
        raise ToolRefusedError(
            f"{url.host} broke off: {type(error).__name__}.",
            error_type="unavailable",
            retryable=True,
        ) from error
    kept = bytes(data[:limit])
    return {
        "url": str(url),
        "status": response.status_code,
        "content_type": response.headers.get("content-type", "")[:_LONGEST],
        "text": kept.decode(_charset(response), errors="replace"),
        "bytes": len(kept),
        "sha256": hashlib.sha256(kept).hexdigest(),
        "truncated": len(data) > limit,
    }


def _charset(response: httpx.Response) -> str:
    """Return the encoding that a page names, if it is one that pages have."""
    named = (response.charset_encoding or "").strip().lower()
    return named if named in _CHARSETS else "utf-8"


def _refused(reason: str) -> ToolRefusedError:
    return ToolRefusedError(
        f"{reason}.",
        error_type="denied",
        suggested_next_action="Use an address on the list, or ask for the site to be allowed.",
    )
