"""What sealing needs of keys: the ports; the keys themselves are in ``infra/keys``."""

from __future__ import annotations

from enum import Enum
from typing import Protocol


class DataKey(Protocol):
    """A tenant's key; both methods are pure, so a value seals to the same bytes everywhere."""

    @property
    def id(self) -> bytes:
        """What names it on the wire, 12 bytes."""
        ...

    @property
    def tenant(self) -> str:
        """Whose it is."""
        ...

    @property
    def data_class(self) -> str:
        """The data classification of the runs that it is for, empty for those of any."""
        ...

    def seal(self, place: bytes, data: bytes) -> bytes:
        """Return ``key id | nonce | ciphertext | tag`` of data at a place."""
        ...

    def open(self, place: bytes, blob: bytes) -> bytes | None:
        """Return what was sealed; None where it was not by this key, for this place."""
        ...


class Gone(Enum):
    """Why a key that was there cannot be had any more."""

    ERASED = "erased"
    LOST = "key_lost"


class Keys(Protocol):
    """The keys of all tenants, as far as this process may have them; thread-safe."""

    @property
    def any(self) -> bool:
        """Whether any tenant's contents are sealed."""
        ...

    def current(self, tenant: str, data_class: str = "") -> DataKey | None:
        """Return what a tenant's contents of a class are sealed with; None where they are not.

        Raises KeysUnavailableError and ShutError.
        """
        ...

    def find(self, key_id: bytes) -> DataKey | Gone | None:
        """Return a key by its id, None for an id that nobody gave to a key.

        Raises KeysUnavailableError.
        """
        ...

    def owner(self, key_id: bytes) -> str | None:
        """Return whose key an id names, as far as this process has read; it asks nobody."""
        ...
