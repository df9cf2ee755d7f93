"""Where secrets come from, as the settings say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runfold.infra.secrets.environment import EnvironmentSecrets
from runfold.infra.secrets.files import FileSecrets
from runfold.infra.secrets.first_of import FirstOf
from runfold.infra.secrets.port import SecretStore
from runfold.infra.secrets.vault import VaultSecrets
from runfold.infra.secrets.vault_settings import vault_of


def every_secret(taken: Mapping[str, str] | None, folder: Path | None) -> SecretStore:
    """Return a store that asks variables (``taken``, or the environment), a folder, then a Vault.

    Raises ConfigError for a Vault that is named and cannot be asked.
    """
    own = EnvironmentSecrets() if taken is None else EnvironmentSecrets(taken)
    stores: list[SecretStore] = [own]
    if folder is not None:
        stores.append(FileSecrets(folder))
    if (vault := vault_of(None, taken)) is not None:
        stores.append(VaultSecrets(vault))
    return FirstOf(*stores)
