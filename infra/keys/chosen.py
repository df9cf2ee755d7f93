"""The key store that a process's settings name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runfold.infra.keys.file import FileKeys
from runfold.infra.keys.port import KeyStore
from runfold.infra.keys.vault import TransitKeys
from runfold.infra.secrets.vault_settings import vault_of
from runfold.infra.settings.declared import variables, vault
from runfold.infra.settings.errors import ConfigError


def key_store(
    env: Mapping[str, str] | None = None, taken: Mapping[str, str] | None = None
) -> KeyStore | None:
    """Return the store of ``RUNFOLD_KEYS``, None where it is not set.

    ``taken`` is what was taken out of the environment, Vault's token among it. Raises ConfigError.
    """
    kind, _, where = variables.KEYS.read(env).partition(":")
    if not kind:
        return None
    if kind == "file":
        return FileKeys(Path(where))
    place = vault_of(env, {**(env or {}), **(taken or {})})
    if place is None:
        raise ConfigError(
            f"{variables.KEYS.name} names Vault: set {vault.VAULT_ADDR.name} to its address."
        )
    return TransitKeys(place, where)
