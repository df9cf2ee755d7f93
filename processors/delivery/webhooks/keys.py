"""Signing secrets by name, asked of the store of secrets once in a while."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress

from runfold.infra.http import signing
from runfold.infra.http.signing import SigningSecretError
from runfold.infra.secrets.environment import variable_of
from runfold.infra.secrets.port import SecretStore, SecretsUnavailableError

_BELIEVED_S = 30.0

_log = logging.getLogger("runfold.delivery")


class NoSecretError(Exception):
    """A secret that cannot be used now; the sentence says which and why, and never what it is."""


class Secrets:
    """Remembers what the store said for half a minute: so soon does a rotation take hold."""

    def __init__(self, store: SecretStore) -> None:
        self._store = store
        self._known: dict[tuple[str, str], tuple[float, str]] = {}
        self._missing: dict[tuple[str, str], str] = {}

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
        """Return the keys of the signing secrets that are there, in their order.

        One that is missing beside others stops nothing: receivers know one of these, and the log
        says once which is missing. Raises NoSecretError where none is there.
        """
        found, faults = [], []
        for name in names:
            try:
                found.append(signing.key_of(await self.text(name, tenant)))
                self._is_there(name, tenant)
            except SigningSecretError as error:
                faults.append(f"what {name} holds is no signing secret: {error}")
                self._say(name, tenant, faults[-1])
            except NoSecretError as error:
                faults.append(str(error))
                self._say(name, tenant, faults[-1])
        if not found:
            raise NoSecretError("; ".join(faults) or "no secret is named")
        return found

    async def missing(self, names: tuple[str, ...], tenant: str) -> list[str]:
        """Return which signing secrets cannot be used now."""
        with suppress(NoSecretError):
            await self.signing_keys(names, tenant)
        return [name for name in names if (name, tenant) in self._missing]

    def seen_missing(self, names: tuple[str, ...]) -> list[str]:
        """Return which could not be used for some tenant when they were last asked for."""
        those = {name for name, _ in tuple(self._missing)}
        return [name for name in names if name in those]

    def _say(self, name: str, tenant: str, why: str) -> None:
        if self._missing.get((name, tenant)) != why:
            self._missing[name, tenant] = why
            _log.error("a secret of webhooks cannot be used: %s", why)

    def _is_there(self, name: str, tenant: str) -> None:
        if self._missing.pop((name, tenant), None) is not None:
            _log.warning("the secret %s can be used again", name)
