"""The artifacts that a tool is given: none of them holds a secret that is known here."""

from __future__ import annotations

from collections.abc import Iterable

from runfold.infra.artifacts.port import Artifact, ArtifactStore
from runfold.processors.tool.secrets import redacted_bytes


class MaskedArtifacts:
    """A store that keeps bytes without the given texts; what is kept is what its name says."""

    def __init__(self, store: ArtifactStore, secrets: Iterable[str]) -> None:
        self._store = store
        self._secrets = tuple(secrets)

    def put(self, data: bytes, media_type: str, tenant_id: str) -> Artifact:
        """Keep the bytes, with what is secret in them replaced."""
        return self._store.put(redacted_bytes(data, self._secrets), media_type, tenant_id)

    def get(self, ref: str, tenant_id: str) -> bytes:
        """Return the bytes of an artifact."""
        return self._store.get(ref, tenant_id)
