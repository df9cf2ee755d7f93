"""The wire form of tokens and proofs: what is signed, by what, and how it is written. No I/O.

A *token* is what an operator hands out: ``v1.KEY_ID.CLAIMS.SECRET``. The claims say who may be
spoken for and until when; the secret is derived from the deployment's key and the claims, so only
whoever holds that key can make one for other claims. A *proof* is what goes with a record, as a
header: ``v1.KEY_ID.CLAIMS.PROOF``. It is made with the token's secret over the topic and the
record's value, so it fits no other record, and says nothing of the secret.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

HEADER = "runfold_credential"
"""The header of a record that carries its proof; the name may never change."""

VERSION = "v1"
ANYBODY = "*"
"""Stands for every tenant, user, role or scope: what a gateway holds that checks its callers."""

MOST_BYTES = 4096
"""The longest token, and the longest proof."""

LEAST_KEY_BYTES = 32

KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

_LATEST = 253_402_300_799
"""The last second that every machine can write as a date."""


class TokenError(ValueError):
    """A text that is no token; the sentence does not quote it."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Who may be spoken for: each of these a name, or ``*`` for all.

    ``expires`` is in seconds since 1970. ``deployment`` is the name of the one it is for, empty
    where it has none. ``id`` tells tokens of the same holder apart.
    """

    tenant: str
    user: str
    expires: int
    id: str
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    deployment: str = ""

    @property
    def expires_at(self) -> datetime:
        """The moment from which it proves nothing."""
        return datetime.fromtimestamp(self.expires, UTC)


@dataclass(frozen=True, slots=True)
class Token:
    """What a client holds."""

    key_id: str
    claims: Claims
    said: str
    secret: bytes = field(repr=False)

    def proof(self, topic: str, value: bytes) -> str:
        """Return what goes with a record of this value on this topic (its name in Runfold)."""
        made = _over_record(self.secret, topic, value)
        return f"{VERSION}.{self.key_id}.{self.said}.{_text(made)}"

    def __str__(self) -> str:
        return f"{VERSION}.{self.key_id}.{self.said}.{_text(self.secret)}"


class Proof(NamedTuple):
    """A proof in its parts, of which nothing is known to be true yet."""

    key_id: str
    said: str
    made: bytes


def issue(key_id: str, key: bytes, claims: Claims) -> Token:
    """Return a token for these claims; raises TokenError where they are too long for one."""
    said = _text(_written(claims))
    token = Token(key_id, claims, said, _secret(key, said))
    if len(str(token)) > MOST_BYTES:
        raise TokenError(f"a token takes at most {MOST_BYTES} characters: name fewer scopes")
    return token


def read_token(text: str) -> Token:
    """Return a token as it was handed out, which may prove nothing; raises TokenError."""
    key_id, said, secret = _parts(text)
    return Token(key_id, claims_of(said), said, secret)


def read_proof(text: bytes) -> Proof:
    """Return a proof's parts; raises TokenError for what is not one."""
    try:
        return Proof(*_parts(text.decode("ascii")))
    except UnicodeDecodeError:
        raise TokenError("it is not ASCII") from None


def fits(proof: Proof, key: bytes, topic: str, value: bytes) -> bool:
    """Whether a proof was made for this record by a holder of a token of this key."""
    made = _over_record(_secret(key, proof.said), topic, value)
    return hmac.compare_digest(made, proof.made)


@lru_cache(maxsize=1024)
def claims_of(said: str) -> Claims:
    """Return what claims say; raises TokenError. They are true only where the proof fits."""
    try:
        found = json.loads(_bytes(said))
    except (ValueError, RecursionError):
        raise TokenError("its claims are not JSON") from None
    if not isinstance(found, dict):
        raise TokenError("its claims are not an object of JSON")
    expires = found.get("exp")
    if type(expires) is not int or not 0 <= expires <= _LATEST:
        raise TokenError("its claim exp is no time")
    return Claims(
        tenant=_name(found, "tenant"),
        user=_name(found, "user"),
        expires=expires,
        id=_name(found, "jti"),
        roles=_names(found, "roles"),
        scopes=_names(found, "scopes"),
        deployment=_name(found, "deployment", least=0),
    )


def _written(claims: Claims) -> bytes:
    named: dict[str, Any] = {
        "tenant": claims.tenant,
        "user": claims.user,
        "exp": claims.expires,
        "jti": claims.id,
        "roles": list(claims.roles),
        "scopes": list(claims.scopes),
        "deployment": claims.deployment,
    }
    return json.dumps(named, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()


def _parts(text: str) -> tuple[str, str, bytes]:
    if len(text) > MOST_BYTES:
        raise TokenError(f"it takes {len(text)} characters, {MOST_BYTES} may be")
    parts = text.split(".")
    if len(parts) != 4 or parts[0] != VERSION:
        raise TokenError(f"it does not have the form {VERSION}.KEY.CLAIMS.PROOF")
    if not KEY_ID.fullmatch(parts[1]):
        raise TokenError("its key has no name")
    return parts[1], parts[2], _bytes(parts[3])


@lru_cache(maxsize=1024)
def _secret(key: bytes, said: str) -> bytes:
    return hmac.digest(key, b"runfold-token-1 " + said.encode(), "sha256")


def _over_record(secret: bytes, topic: str, value: bytes) -> bytes:
    said = f"runfold-proof-1 {topic} {hashlib.sha256(value).hexdigest()}"
    return hmac.digest(secret, said.encode(), "sha256")


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise TokenError("a part of it is not base64url") from None


def _name(found: dict[str, Any], claim: str, least: int = 1) -> str:
    value = found.get(claim, "")
    if not isinstance(value, str) or len(value) < least:
        raise TokenError(f"its claim {claim} is no name")
    return value


def _names(found: dict[str, Any], claim: str) -> tuple[str, ...]:
    values: Sequence[Any] = found.get(claim) or ()
    if not isinstance(values, list | tuple) or not all(isinstance(each, str) for each in values):
        raise TokenError(f"its claim {claim} is no list of names")
    return tuple(values)
