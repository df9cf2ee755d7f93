"""A playbook manifest as the scripted model reads it."""

from __future__ import annotations

from runfold.events.definitions import Playbook
from runfold.surfaces.manifests.loader import Document


def lower_playbook(document: Document) -> Playbook:
    """Return the playbook that a checked document declares."""
    metadata = document.data["metadata"]
    return Playbook(
        name=metadata["name"],
        version=metadata["version"],
        description=metadata.get("description", ""),
        turns=tuple(document.data["spec"]["turns"]),
    )
