"""What a record's proof proves: who is spoken for, or why that is not known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from runfold.events.people.proved import Proved
from runfold.infra.credentials.token import (
    ANYBODY,
    HEADER,
    Claims,
    TokenError,
    claims_of,
    fits,
    read_proof,
)

Headers = Sequence[tuple[str, bytes | None]]


class Keys(Protocol):
    """The keys of a deployment, by id."""

    def get(self, key_id: str) -> bytes | None:
        """Return a key, None where there is none of this id."""
        ...


class Said(NamedTuple):
    """In whose name a record's payload speaks."""

    tenant: str
    user: str
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()


class Sent(NamedTuple):
    """A record as it came: the topic's name in Runfold, its bytes, when the broker took it."""

    topic: str
    value: bytes
    headers: Headers
    appended_at: datetime


class Checker:
    """Judges records by the keys of a deployment; it does no I/O.

    With ``required`` a record without a proof is unproved; without, nothing is said of it.
    """

    def __init__(self, keys: Keys, *, required: bool, deployment: str = "") -> None:
        self._keys = keys
        self._required = required
        self._deployment = deployment

    def judge(  # noqa: PLR0911 - a line each
        self, sent: Sent, said: Said
    ) -> Proved | None:
        """Return what is on record of a record's proof, None where nothing is asked and given."""
        given = [value for name, value in sent.headers if name == HEADER]
        if not given:
            return Proved(problem="absent") if self._required else None
        if len(given) > 1:
            return Proved(problem="malformed")
        try:
            proof = read_proof(given[0] or b"")
        except TokenError:
            return Proved(problem="malformed")
        key = self._keys.get(proof.key_id)
        if key is None:
            return Proved(key_id=proof.key_id, problem="unknown_key")
        if not fits(proof, key, sent.topic, sent.value):
            return Proved(key_id=proof.key_id, problem="does_not_fit")
        try:
            claims = claims_of(proof.said)
        except TokenError:
            return Proved(key_id=proof.key_id, problem="malformed")
        # From here on the claims are those that an operator signed.
        problem = self._problem(claims, sent.appended_at, said)
        return Proved(key_id=proof.key_id, token_id=claims.id[:200], problem=problem)

    def _problem(  # noqa: PLR0911 - a line each
        self, claims: Claims, at: datetime, said: Said
    ) -> str:
        if claims.deployment != self._deployment:
            return "other_deployment"
        if at >= claims.expires_at:
            return "expired"
        if claims.tenant not in {ANYBODY, said.tenant}:
            return "other_tenant"
        if claims.user not in {ANYBODY, said.user}:
            return "other_user"
        if not _granted(claims.roles, said.roles):
            return "roles"
        if not _granted(claims.scopes, said.scopes):
            return "scopes"
        return ""


def _granted(granted: tuple[str, ...], asked: tuple[str, ...]) -> bool:
    return ANYBODY in granted or set(asked) <= set(granted)
