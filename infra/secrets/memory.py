"""Secrets in memory."""

from __future__ import annotations

from collections.abc import Mapping


class MemorySecrets:
    """The same secrets for every tenant, as given."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = dict(values or {})

    def get(self, name: str, tenant_id: str) -> str | None:  # noqa: ARG002 - of the deployment
        """Return the value, None where it is empty or not given."""
        return self._values.get(name) or None
