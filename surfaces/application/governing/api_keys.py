"""API keys: made, listed, rotated and revoked by operators; presented by clients of the gateway."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from runfold.events.probe import reserved
from runfold.infra.gateway import api_key
from runfold.infra.gateway.api_key import LEAST_HASH_KEY_BYTES, ApiKey, Presented
from runfold.infra.gateway.key_store import Kept, KeyStore
from runfold.infra.settings.errors import ConfigError
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import InvalidError, NotFoundError

LONGEST = timedelta(days=366)
"""How long a key may be valid, and the old one of a rotation beside the new."""

_MOST_CHARS = 200
_SPAN = re.compile(r"([1-9][0-9]{0,5})([mhd])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class KeyWish:
    """What a key shall grant; ``valid`` is a span such as ``90d``, empty for no end."""

    name: str
    tenant_id: str
    user_id: str
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    valid: str = "90d"


class ApiKeys:
    """The keys of a deployment; ``hash_key`` is what their secrets are hashed with."""

    def __init__(self, store: KeyStore, hash_key: bytes) -> None:
        self._store = store
        self._hash_key = hash_key

    def create(self, wish: KeyWish, now: datetime) -> tuple[Presented, shapes.ApiKey]:
        """Return a new key, which is shown once and never again, and what is kept of it.

        Raises InvalidError for a wish that no key can grant.
        """
        _need_possible(wish)
        made = api_key.new_key()
        until = now + span_of(wish.valid) if wish.valid else None
        key = ApiKey(
            key_id=made.key_id,
            name=wish.name,
            tenant_id=wish.tenant_id,
            user_id=wish.user_id,
            roles=wish.roles,
            scopes=wish.scopes,
            created_at=now,
            expires_at=until,
        )
        self._store.add(key, api_key.digest_of(made, self._hash_key))
        return made, shape_of(key)

    def list(self, tenant_id: str | None = None) -> list[shapes.ApiKey]:
        """Return what is kept of the keys of a tenant, or of all, the oldest first."""
        return [shape_of(key) for key in self._store.all(tenant_id)]

    def rotate(
        self, key_id: str, overlap: str, now: datetime, valid: str = "90d"
    ) -> tuple[Presented, shapes.ApiKey]:
        """Return a key with the same grants; the old one lets in for ``overlap`` and no longer.

        Raises NotFoundError for a key that is not there, InvalidError for one that is revoked, has
        expired, or was rotated before.
        """
        old = self._kept(key_id).key
        if (why := old.problem(now)) != "":
            raise InvalidError(f"The key {key_id} is {why}: make a new one.")
        made = api_key.new_key()
        key = ApiKey(
            key_id=made.key_id,
            name=old.name,
            tenant_id=old.tenant_id,
            user_id=old.user_id,
            roles=old.roles,
            scopes=old.scopes,
            created_at=now,
            expires_at=now + span_of(valid) if valid else None,
        )
        digest = api_key.digest_of(made, self._hash_key)
        until = now + (span_of(overlap) if overlap not in {"0", ""} else timedelta(0))
        if not self._store.rotate(key_id, until, key, digest):
            raise InvalidError(f"The key {key_id} was rotated already: rotate the one after it.")
        return made, shape_of(key)

    def revoke(self, key_id: str, now: datetime) -> None:
        """Let a key in no more; raises NotFoundError. One that is revoked already stays so."""
        self._kept(key_id)
        self._store.revoke(key_id, now)

    def _kept(self, key_id: str) -> Kept:
        found = self._store.get(key_id.removeprefix(api_key.PREFIX))
        if found is None:
            raise NotFoundError(f"There is no key {key_id}: `runfold keys list` shows them.")
        return found


def hash_key_in(file: Path) -> bytes:
    """Return the key that API keys are hashed with: that of a file, which is made where missing.

    Raises ConfigError for one that cannot be read, or is too short.
    """
    try:
        if not file.exists():
            write_once(file, os.urandom(LEAST_HASH_KEY_BYTES))
        found = file.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"The key that API keys are hashed with cannot be read from {file} "
            f"({error.strerror}): set RUNFOLD_HTTP_HASH_KEY_FILE to a file that this process reads."
        ) from error
    if len(found) < LEAST_HASH_KEY_BYTES:
        raise ConfigError(
            f"The file {file} holds {len(found)} bytes, and {LEAST_HASH_KEY_BYTES} are needed: "
            "fill it from /dev/urandom, the same for every gateway."
        )
    return found


def write_once(file: Path, data: bytes) -> bool:
    """Write a file for its owner alone, whole or not at all; False where it is there already."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = file.with_name(f"{file.name}.{os.getpid()}.new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(data)
    try:
        file.hardlink_to(new)
    except FileExistsError:
        return False
    finally:
        new.unlink()
    return True


def shape_of(key: ApiKey) -> shapes.ApiKey:
    """Return what is shown of a key."""
    return shapes.ApiKey(
        key_id=key.key_id,
        prefix=f"{api_key.PREFIX}{key.key_id}_",
        name=key.name,
        tenant_id=key.tenant_id,
        user_id=key.user_id,
        roles=key.roles,
        scopes=key.scopes,
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        rotated_to=key.rotated_to,
        last_used_at=key.last_used_at,
        last_refused_at=key.last_refused_at,
        state=key.problem(datetime.now(UTC)) or "active",
    )


def span_of(text: str) -> timedelta:
    """Return a span such as 30m, 8h or 90d; raises InvalidError."""
    found = _SPAN.fullmatch(text)
    span = int(found[1]) * _UNITS[found[2]] if found else None
    if span is None or span > LONGEST:
        raise InvalidError(f"{text!r} is not a span of up to 366 days: write 30m, 8h or 90d.")
    return span


def _need_possible(wish: KeyWish) -> None:
    texts = (wish.name, wish.tenant_id, wish.user_id, *wish.roles, *wish.scopes)
    for text in texts:
        if not text.strip() or not text.isprintable() or len(text) > _MOST_CHARS:
            raise InvalidError(
                f"A key has a name, a tenant and a user; each of these, and each role and scope, "
                f"has 1 to {_MOST_CHARS} characters on one line: {text[:_MOST_CHARS]!r} has not."
            )
    if why := reserved(wish.tenant_id):
        raise InvalidError(f"{why}.")
