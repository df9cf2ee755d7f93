"""An issuer's keys as its server answers: within bounds, from addresses that may be asked.

A redirect is not followed. A name is looked up once, every address that it has is checked, and the
one that is connected to is one of these: a name that means another address a moment later changes
nothing. A proxy of the environment is not used; where there is no other way out, `keys_file` is.
"""

from __future__ import annotations

import json
import socket
import time
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from runfold.infra.credentials.bearer.errors import KeysFaultError
from runfold.infra.credentials.bearer.issuers import Issuer
from runfold.infra.http.addresses import refusal_of
from runfold.infra.http.body import IDENTITY, BodyRefusedError, whole
from runfold.infra.http.trust import trust

MOST_BYTES: Final = 256 * 1024
LONGEST_S: Final = 10.0
"""The longest that an answer may take, from its first byte to its last."""

_CONNECT_S = 5.0
_DISCOVERY = "/.well-known/openid-configuration"


def fetch(issuer: Issuer) -> Any:
    """Return what an issuer publishes as its keys, parsed; raises KeysFaultError.

    It blocks for at most some multiple of ``LONGEST_S``.
    """
    if issuer.keys_file is not None:
        return _in_file(issuer)
    address = issuer.jwks
    if address is None:
        said = _answer(issuer, issuer.issuer.rstrip("/") + _DISCOVERY)
        if not isinstance(said, dict) or said.get("issuer") != issuer.issuer:
            raise KeysFaultError("its discovery document is of another issuer")
        address = said.get("jwks_uri")
        if not isinstance(address, str):
            raise KeysFaultError("its discovery document names no jwks_uri")
    return _answer(issuer, address)


def _in_file(issuer: Issuer) -> Any:
    assert issuer.keys_file is not None
    try:
        with issuer.keys_file.open("rb") as opened:
            return _parsed(opened.read(MOST_BYTES + 1))
    except OSError as error:
        raise KeysFaultError(f"{issuer.keys_file} cannot be read ({error.strerror})") from error


def _answer(issuer: Issuer, address: str) -> Any:
    parts = urlsplit(address)
    host = parts.hostname or ""
    wanted = {"https", "http"} if issuer.private_addresses else {"https"}
    if parts.scheme not in wanted or not host or parts.username is not None:
        raise KeysFaultError(f"{address[:200]} may not be asked")
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        place = _place(host, port, private=issuer.private_addresses)
    except ValueError as error:
        raise KeysFaultError(str(error)) from None
    near = httpx.URL(address).copy_with(host=place)
    headers = {"host": parts.netloc, "accept": "application/json", **IDENTITY}
    until = time.monotonic() + LONGEST_S
    try:
        with (
            httpx.Client(
                verify=trust(issuer.authority) if parts.scheme == "https" else True,
                trust_env=False,
                follow_redirects=False,
                timeout=_CONNECT_S,
            ) as client,
            client.stream(
                "GET", near, headers=headers, extensions={"sni_hostname": host}
            ) as response,
        ):
            if response.status_code != 200:
                raise KeysFaultError(f"{host} answered {response.status_code}")
            return _parsed(whole(response, MOST_BYTES, until))
    except BodyRefusedError as error:
        raise KeysFaultError(f"{host} gave an answer {error}") from error
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise KeysFaultError(f"{host} does not answer ({type(error).__name__})") from error


def _place(host: str, port: int, *, private: bool) -> str:
    """Return the address to connect to; raises ValueError where one of them may not be."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ValueError(f"the name {host[:100]} cannot be looked up") from None
    places = [str(each[4][0]).partition("%")[0] for each in found]
    if not places:
        raise ValueError(f"the name {host[:100]} has no address")
    if not private and any(map(refusal_of, places)):
        raise ValueError(f"the name {host[:100]} has a private address: say `private_addresses`")
    return places[0]


def _parsed(data: bytes) -> Any:
    if len(data) > MOST_BYTES:
        raise KeysFaultError(f"more than {MOST_BYTES} bytes")
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise KeysFaultError("what it answers is not JSON") from None
