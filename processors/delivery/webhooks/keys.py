"""Signing secrets by name, asked of the store of secrets once in a while."""

from __future__ import annotations

import asyncio
import time

from runfold.infra.http import signing
from runfold.infra.http.signing import SigningSecretError
from runfold.infra.secrets.environment import variable_of
from runfold.infra.secrets.port import SecretStore, SecretsUnavailableError

_BELIEVED_S = 30.0


class NoSecretError(Exception):
    """A secret that cannot be used now; the sentence says which and why, and never what it is."""


class Secrets:
    """Remembers what the store said for half a minute: so soon does a rotation take hold."""

    def __init__(self, store: SecretStore) -> None:
        self._store = store
        self._known: dict[tuple[str, str], tuple[float, str]] = {}

    async def text(self, name: str, tenant: str) -> str:
        """Return a secret as it is held; raises NoSecretError."""
        known = self._known.get((name, tenant))
        if known is not None and known[0] > time.monotonic():
            return known[1]
        try:
            found = await asyncio.to_thread(self._store.get, name, tenant)
        except SecretsUnavailableError as error:
            raise NoSecretError(f"the secret {name} cannot be read now") from error
        if found is None:
            raise NoSecretError(
                f"the store of secrets holds no {name}: "
                f"set {variable_of(name)} where it is sent from"
            )
        self._known[name, tenant] = time.monotonic() + _BELIEVED_S, found
        return found

    async def signing_keys(self, names: tuple[str, ...], tenant: str) -> list[bytes]:
        """Return the keys of signing secrets, in their order; raises NoSecretError."""
        found = []
        for name in names:
            try:
                found.append(signing.key_of(await self.text(name, tenant)))
            except SigningSecretError as error:
                raise NoSecretError(f"what {name} holds is no signing secret: {error}") from error
        return found
