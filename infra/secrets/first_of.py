"""Several stores of secrets, asked one after another."""

from __future__ import annotations

from runfold.infra.secrets.port import SecretStore


class FirstOf:
    """Gives what the first store that holds a name has under it."""

    def __init__(self, *stores: SecretStore) -> None:
        self._stores = stores

    def get(self, name: str, tenant_id: str) -> str | None:
        """Return the first value that is held; raises what a store raises that is asked."""
        for store in self._stores:
            if (value := store.get(name, tenant_id)) is not None:
                return value
        return None
