"""Wrapping and unwrapping tenants' data keys by keys that never leave their store.

Each tenant has a key of its own in the store, named ``<generation>-<tenant>``, by which its data
keys are wrapped. What is wrapped stands on the log and in every back-up of it; once that key is
destroyed, nobody can unwrap it any more, wherever a copy is.

KeyStoreError
├── KeyLostError         stop: the store answers, and has no such key; restore the store
└── KeyStoreDeniedError  refuse: the store does not permit it; a person must mend that
``KeysUnavailableError`` (events/errors.py) is to be retried: the store is away, slow, or denies.
"""

from __future__ import annotations

from typing import Protocol


class KeyStoreError(Exception):
    """The root of what a key store raises for good."""


class KeyLostError(KeyStoreError):
    """The store has no such key, or another than wrapped what it was given."""


class KeyStoreDeniedError(KeyStoreError):
    """What was asked is not permitted; the message says what to do."""


class KeyStore(Protocol):
    """Holds keys by name, each in versions; thread-safe, may block for seconds."""

    def wrap(self, name: str, data_key: bytes) -> bytes:
        """Return a data key wrapped by the newest version of a key, made if need be.

        Raises KeysUnavailableError.
        """
        ...

    def unwrap(self, name: str, wrapped: bytes) -> bytes:
        """Return a data key; raises KeysUnavailableError or KeyLostError."""
        ...

    def rotate(self, name: str) -> None:
        """Begin a new version of a key; older ones still unwrap.

        Raises KeysUnavailableError or KeyLostError.
        """
        ...

    def destroy(self, name: str) -> None:
        """Destroy every version of a key, for good; nothing where there is none.

        Raises KeysUnavailableError or KeyStoreDeniedError.
        """
        ...
