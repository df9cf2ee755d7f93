"""Secrets by name: held outside the log and outside definitions, which only name them [98]."""

from __future__ import annotations

from typing import Protocol


class SecretsUnavailableError(Exception):
    """Retry: the store that holds the secrets does not answer."""


class SecretStore(Protocol):
    """Gives values of secrets by name; thread-safe, may block, and never logs a value."""

    def get(self, name: str, tenant_id: str) -> str | None:
        """Return a secret's value for a tenant, None where none is held under that name.

        A store that holds the secrets of a whole deployment gives every tenant the same. Raises
        SecretsUnavailableError where it cannot tell.
        """
        ...
