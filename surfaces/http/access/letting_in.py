"""Who is let in: by an API key or by a token of a trusted issuer, in the header `Authorization`.

``authenticated`` is the one way in, for every route and for other protocols over HTTP. It returns a
Principal, which is the same whatever the credential was, or raises a Problem with a challenge as
RFC 6750 has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.requests import Request

from runfold.infra.credentials.bearer.errors import KeysAwayError, TokenRefusedError
from runfold.infra.credentials.bearer.verifying import Verifier, is_token
from runfold.infra.gateway.api_key import presented
from runfold.infra.gateway.principal import Principal, of_key
from runfold.infra.settings.kinds import Network
from runfold.surfaces.application.governing.doorkeeper import Doorkeeper
from runfold.surfaces.http.access.back_off import (
    ADDRESS,
    KEY,
    PAIR,
    BackOff,
    network_of,
    pair,
    too_often,
)
from runfold.surfaces.http.access.challenges import challenge
from runfold.surfaces.http.access.identity import LOOPBACK
from runfold.surfaces.http.access.peers import address_of, is_near
from runfold.surfaces.http.refusals.problems import Problem


@dataclass(frozen=True, slots=True)
class Door:
    """What lets in: API keys, and tokens where issuers are trusted.

    ``proxies`` are those whose word on addresses counts. ``resource_metadata`` is the address of a
    document as RFC 9728 has it, named in challenges where there is one.
    """

    keys: Doorkeeper
    back_off: BackOff
    tokens: Verifier | None = None
    proxies: Sequence[Network] = ()
    resource_metadata: str = ""


async def authenticated(request: Request, door: Door) -> Principal:
    """Return who makes a request; raises Problem."""
    text = _bearer(request, door)
    if door.tokens is not None and is_token(text):
        found = await _by_token(request, door, door.tokens, text)
    else:
        found = await _by_key(request, door, text)
    if LOOPBACK in found.scopes and not is_near(request):
        raise _unknown(door)
    return found


async def _by_key(request: Request, door: Door, text: str) -> Principal:
    now = datetime.now(UTC)
    if (known := door.keys.known(text, now)) is not None:
        return of_key(known)
    address, shown = network_of(address_of(request, door.proxies)), presented(text)
    if shown is None:
        raise _refused(door, {ADDRESS: address})
    by = {ADDRESS: address, KEY: shown.key_id, PAIR: pair(address, shown.key_id)}
    # Somebody else may be why: a right key is found right, and only the store is spared.
    spare = any(door.back_off.is_held_up(kind, who) for kind, who in by.items())
    # Who was let in before does not stand in line with whoever floods its address.
    own = door.keys.was_let_in(text)
    async with nullcontext() if own else door.back_off.lane(address):
        found = await asyncio.to_thread(door.keys.let_in, text, now, spare=spare)
    if found is None:
        raise _refused(door, by)
    door.back_off.let_in(address, shown.key_id)
    return of_key(found)


async def _by_token(request: Request, door: Door, tokens: Verifier, text: str) -> Principal:
    try:
        return await tokens.verify(text, datetime.now(UTC))
    except TokenRefusedError as refused:
        if refused.is_suspect:
            address = network_of(address_of(request, door.proxies))
            if (wait := door.back_off.refused(**{ADDRESS: address})) > 0:
                raise too_often(wait) from refused
        headers = {"www-authenticate": _challenge(door, "invalid_token", str(refused))}
        if refused.again_s:
            headers["retry-after"] = str(refused.again_s)
        raise Problem(refused.code, str(refused), headers=headers) from refused
    except KeysAwayError as away:
        headers = {"retry-after": str(away.again_s)}
        raise Problem("unavailable", str(away), headers=headers) from away


def _bearer(request: Request, door: Door) -> str:
    given = request.headers.getlist("authorization")
    scheme, _, text = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    if scheme.lower() != "bearer":
        # Nothing was presented: nobody guesses so.
        raise _unknown(door, "")
    return text.strip()


def _refused(door: Door, by: dict[str, str]) -> Problem:
    wait = door.back_off.refused(**by)
    return too_often(wait) if wait > 0 else _unknown(door)


def _challenge(door: Door, error: str, about: str = "") -> str:
    return challenge(error, about, metadata=door.resource_metadata)


def _unknown(door: Door, error: str = "invalid_token") -> Problem:
    return Problem(
        "unauthenticated",
        "Send `Authorization: Bearer KEY` with an API key that is in force: `runfold keys create` "
        "makes one.",
        headers={"www-authenticate": _challenge(door, error)},
    )
