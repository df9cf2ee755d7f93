"""Large contents, kept outside the log under the sha256 of their bytes, apart for each tenant.

A ref is ``artifact:<tenant>/<sha256 in hex>``, the tenant percent-encoded. It says nothing about
where the bytes are, so a store may be exchanged for another one that holds the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from runfold.infra.artifacts.errors import ArtifactMissingError

_SCHEME = "artifact:"


@dataclass(frozen=True, slots=True)
class Artifact:
    """A stored content: its name, its sha256 and its size in bytes."""

    ref: str
    digest: bytes
    size: int
    media_type: str


class ArtifactStore(Protocol):
    """Keeps bytes until their tenant is erased; every method is thread-safe and may block."""

    def put(self, data: bytes, media_type: str, tenant_id: str) -> Artifact:
        """Keep bytes durably and return their name; the same bytes have the same name.

        Raises ArtifactsUnavailableError where the store does not take them.
        """
        ...

    def get(self, ref: str, tenant_id: str) -> bytes:
        """Return the bytes of a tenant's artifact, checked against its name.

        Raises ArtifactMissingError, ArtifactDamagedError or ArtifactsUnavailableError.
        """
        ...


class SizedArtifacts(ArtifactStore, Protocol):
    """The store of those who give contents away, and must know first how much that is."""

    def size(self, ref: str, tenant_id: str) -> int:
        """Return how many bytes the store holds of a tenant's artifact, without reading them.

        A sealed one has some more of them than its content. Raises ArtifactMissingError or
        ArtifactsUnavailableError.
        """
        ...


class ErasableArtifacts(ArtifactStore, Protocol):
    """The store as an operator sees it: no tool and no processor can delete."""

    def refs(self, tenant_id: str) -> Iterator[str]:
        """Yield the ref of every artifact of a tenant."""
        ...

    def delete(self, ref: str, tenant_id: str) -> bool:
        """Delete one artifact and return whether it was there."""
        ...

    def drop(self, tenant_id: str) -> int:
        """Delete every artifact of a tenant and return how many there were.

        Raises ArtifactsUnavailableError; what was deleted by then stays so.
        """
        ...


def ref_of(name: str, tenant_id: str) -> str:
    """Return the ref of what is named by this sha256 in hex."""
    return f"{_SCHEME}{quote(tenant_id, safe='')}/{name}"


def named(data: bytes, media_type: str, tenant_id: str) -> Artifact:
    """Return what these bytes are called."""
    digest = hashlib.sha256(data).digest()
    return Artifact(ref_of(digest.hex(), tenant_id), digest, len(data), media_type)


def digest_of(ref: str, tenant_id: str) -> str:
    """Return a ref's sha256 in hex; raises ArtifactMissingError if it is not of this tenant."""
    own = f"{_SCHEME}{quote(tenant_id, safe='')}/"
    name = ref.removeprefix(own)
    if not ref.startswith(own) or len(name) != 64 or not set(name) <= set("0123456789abcdef"):
        raise ArtifactMissingError
    return name
