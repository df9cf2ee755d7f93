"""A store of secrets without those that are Runfold's own."""

from __future__ import annotations

from runfold.infra.secrets.environment import variable_of
from runfold.infra.secrets.port import SecretStore


class Without:
    """What another store holds but for some names, however they are spelled."""

    def __init__(self, store: SecretStore, *names: str) -> None:
        self._store = store
        # Different names may be one variable.
        self._kept = frozenset(map(variable_of, names))

    def get(self, name: str, tenant_id: str) -> str | None:
        """Return what the store has, None for a name that is kept back."""
        return None if variable_of(name) in self._kept else self._store.get(name, tenant_id)
