"""The port of API keys, and its twin in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple, Protocol

from runfold.infra.gateway.api_key import ApiKey


class Kept(NamedTuple):
    """A key and the hash of its secret."""

    key: ApiKey
    digest: bytes


class KeyStore(Protocol):
    """Keeps API keys; every method may raise GatewayTablesError or an error of the database."""

    def add(self, key: ApiKey, digest: bytes) -> None:
        """Keep a new key."""
        ...

    def get(self, key_id: str) -> Kept | None:
        """Return a key, None where there is none of this id."""
        ...

    def all(self, tenant_id: str | None = None) -> list[ApiKey]:
        """Return the keys of a tenant, or of all, the oldest first."""
        ...

    def revoke(self, key_id: str, at: datetime) -> bool:
        """Let a key in no more; return whether it did until now."""
        ...

    def rotate(self, key_id: str, until: datetime, to: ApiKey, digest: bytes) -> bool:
        """Keep a key in the place of another, which lets in until then at the latest.

        Return False, and keep nothing, where that other one is revoked or rotated already.
        """
        ...

    def used(self, key_ids: Iterable[str], at: datetime) -> None:
        """Note when keys were used last."""
        ...

    def refused(self, key_ids: Iterable[str], at: datetime) -> None:
        """Note when keys were presented last and let nobody in."""
        ...


class MemoryKeyStore:
    """API keys of a test, or of a program's own life."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}
        self._lock = threading.Lock()

    def add(self, key: ApiKey, digest: bytes) -> None:
        """Keep a new key."""
        with self._lock:
            self._kept[key.key_id] = Kept(key, digest)

    def get(self, key_id: str) -> Kept | None:
        """Return a key, None where there is none of this id."""
        return self._kept.get(key_id)

    def all(self, tenant_id: str | None = None) -> list[ApiKey]:
        """Return the keys of a tenant, or of all, the oldest first."""
        found = [kept.key for kept in self._kept.values()]
        mine = [key for key in found if tenant_id is None or key.tenant_id == tenant_id]
        return sorted(mine, key=lambda key: (key.created_at, key.key_id))

    def revoke(self, key_id: str, at: datetime) -> bool:
        """Let a key in no more; return whether it did until now."""
        with self._lock:
            kept = self._kept.get(key_id)
            if kept is None or kept.key.revoked_at is not None:
                return False
            self._kept[key_id] = Kept(replace(kept.key, revoked_at=at), kept.digest)
            return True

    def rotate(self, key_id: str, until: datetime, to: ApiKey, digest: bytes) -> bool:
        """Keep a key in the place of another."""
        with self._lock:
            kept = self._kept.get(key_id)
            if kept is None or kept.key.revoked_at is not None or kept.key.rotated_to is not None:
                return False
            ends = until if kept.key.expires_at is None else min(until, kept.key.expires_at)
            old = replace(kept.key, expires_at=ends, rotated_to=to.key_id)
            self._kept[key_id] = Kept(old, kept.digest)
            self._kept[to.key_id] = Kept(to, digest)
            return True

    def used(self, key_ids: Iterable[str], at: datetime) -> None:
        """Note when keys were used last."""
        with self._lock:
            for key_id in key_ids:
                if (kept := self._kept.get(key_id)) is not None:
                    self._kept[key_id] = Kept(replace(kept.key, last_used_at=at), kept.digest)

    def refused(self, key_ids: Iterable[str], at: datetime) -> None:
        """Note when keys were presented last and let nobody in."""
        with self._lock:
            for key_id in key_ids:
                if (kept := self._kept.get(key_id)) is not None:
                    self._kept[key_id] = Kept(replace(kept.key, last_refused_at=at), kept.digest)
