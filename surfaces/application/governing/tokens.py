"""Keys and tokens of credentials, for whoever holds the deployment's keys."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from runfold.infra.credentials.keys import NAME, keys_in, new_key
from runfold.infra.credentials.signing import signer_of
from runfold.infra.credentials.token import KEY_ID, Claims, Token, TokenError, issue
from runfold.infra.secrets.chosen import every_secret
from runfold.infra.secrets.port import SecretsUnavailableError
from runfold.infra.settings.declared import variables
from runfold.producers.identity import uuid7
from runfold.surfaces.application.errors import InvalidError, NotFoundError, UnavailableError

LONGEST = timedelta(days=366)
"""How long a token may be valid."""

_SPAN = re.compile(r"([1-9][0-9]{0,5})([mhd])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class Wish:
    """What a token shall say; ``valid`` is a span such as ``8h``, ``key`` the id of a key."""

    tenant: str
    user: str
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    valid: str = "8h"
    key: str = ""


def new_line(key_id: str) -> str:
    """Return a new key as a line of the secret; raises InvalidError for what is no id."""
    if not KEY_ID.fullmatch(key_id):
        raise InvalidError("A key's id has up to 64 letters, digits, - and _.")
    return f"{key_id} {new_key()}"


def issue_token(wish: Wish, now: datetime) -> Token:
    """Return a token, made with a key of the secret as this process can read it.

    Raises InvalidError for a wish that no token can hold, ConfigError where there is no key,
    NotFoundError for one that is not there, UnavailableError where it cannot be read.
    """
    if not wish.tenant.strip() or not wish.user.strip():
        raise InvalidError("A token speaks for a tenant and a user: name both, or * for all.")
    try:
        store = every_secret(None, variables.SECRETS_FOLDER.read())
        keys = keys_in(store.get(NAME, "") or "")
    except SecretsUnavailableError as error:
        raise UnavailableError(str(error)) from error
    key_id = wish.key or next(iter(keys))
    if key_id not in keys:
        raise NotFoundError(f"No key {key_id!r}: the secret {NAME} holds {', '.join(keys)}.")
    claims = Claims(
        tenant=wish.tenant,
        user=wish.user,
        expires=int((now + _span(wish.valid)).timestamp()),
        id=uuid7(),
        roles=wish.roles,
        scopes=wish.scopes,
        deployment=variables.DEPLOYMENT_NAME.read(),
    )
    try:
        return issue(key_id, keys[key_id], claims)
    except TokenError as error:
        raise InvalidError(f"No such token: {error}.") from None


def own_token() -> Token:
    """Return the token of this environment; raises NotFoundError where there is none."""
    signer = signer_of()
    if signer is None:
        raise NotFoundError("There is no token: set RUNFOLD_TOKEN, or RUNFOLD_TOKEN_FILE.")
    return signer.token


def _span(text: str) -> timedelta:
    found = _SPAN.fullmatch(text)
    span = int(found[1]) * _UNITS[found[2]] if found else None
    if span is None or span > LONGEST:
        raise InvalidError(f"{text!r} is not a span of up to 366 days: write 30m, 8h or 30d.")
    return span
