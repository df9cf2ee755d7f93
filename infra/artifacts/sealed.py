"""Artifacts of sealed tenants: the store holds what only the tenant's key opens."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from runfold.events.errors import KeysUnavailableError, ShutError
from runfold.events.sealing.sealing import Sealing
from runfold.infra.artifacts.errors import ArtifactMissingError, ArtifactsUnavailableError
from runfold.infra.artifacts.port import Artifact, SizedArtifacts

_KIND = "Artifact"


class SealedArtifacts:
    """A store beneath which nothing of a sealed tenant is in plain; the others' are as they were.

    A sealed artifact is named by what the store holds, so its name tells nothing of what it says;
    digest and size are those of what was given.
    """

    def __init__(self, store: SizedArtifacts, sealing: Sealing | None) -> None:
        self._store, self._sealing = store, sealing

    def put(self, data: bytes, media_type: str, tenant_id: str) -> Artifact:
        """Keep bytes; raises ArtifactsUnavailableError where their key cannot be had either."""
        if self._sealing is None:
            return self._store.put(data, media_type, tenant_id)
        try:
            sealed = self._sealing.kept(tenant_id, "", _KIND, data)
        except (KeysUnavailableError, ShutError) as error:
            raise ArtifactsUnavailableError(str(error)) from error
        artifact = self._store.put(sealed, media_type, tenant_id)
        if sealed is data:
            return artifact
        return replace(artifact, digest=hashlib.sha256(data).digest(), size=len(data))

    def get(self, ref: str, tenant_id: str) -> bytes:
        """Return what was given; ArtifactMissingError also says that its key was destroyed."""
        data = self._store.get(ref, tenant_id)
        if self._sealing is None:
            return data
        try:
            return self._sealing.read(tenant_id, "", _KIND, data)
        except KeysUnavailableError as error:
            raise ArtifactsUnavailableError(str(error)) from error
        except ShutError as error:
            raise ArtifactMissingError from error

    def size(self, ref: str, tenant_id: str) -> int:
        """Return how many bytes the store beneath holds."""
        return self._store.size(ref, tenant_id)
