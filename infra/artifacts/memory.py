"""Artifacts in memory."""

from __future__ import annotations

from collections.abc import Iterator

from runfold.infra.artifacts.errors import ArtifactMissingError
from runfold.infra.artifacts.port import Artifact, digest_of, named, ref_of


class MemoryArtifacts:
    """Artifacts that live as long as this object."""

    def __init__(self) -> None:
        self._data: dict[tuple[str, str], bytes] = {}

    def put(self, data: bytes, media_type: str, tenant_id: str) -> Artifact:
        """Keep bytes as long as this object lives."""
        artifact = named(data, media_type, tenant_id)
        self._data[tenant_id, artifact.digest.hex()] = data
        return artifact

    def get(self, ref: str, tenant_id: str) -> bytes:
        """Return the bytes; raises ArtifactMissingError."""
        try:
            return self._data[tenant_id, digest_of(ref, tenant_id)]
        except KeyError as error:
            raise ArtifactMissingError from error

    def size(self, ref: str, tenant_id: str) -> int:
        """Return how many bytes there are."""
        return len(self.get(ref, tenant_id))

    def refs(self, tenant_id: str) -> Iterator[str]:
        """Yield what a tenant has put."""
        yield from [ref_of(name, tenant_id) for tenant, name in self._data if tenant == tenant_id]

    def delete(self, ref: str, tenant_id: str) -> bool:
        """Forget one."""
        return self._data.pop((tenant_id, digest_of(ref, tenant_id)), None) is not None

    def drop(self, tenant_id: str) -> int:
        """Forget what a tenant put."""
        names = [name for name in self._data if name[0] == tenant_id]
        for name in names:
            del self._data[name]
        return len(names)
