"""The manifest of a model script as the scripted model reads it."""

from __future__ import annotations

from runfold.events.definitions import ModelScript
from runfold.infra.documents import Document


def lower_model_script(document: Document) -> ModelScript:
    """Return the script that a checked document declares."""
    metadata = document.data["metadata"]
    return ModelScript(
        name=metadata["name"],
        version=metadata["version"],
        description=metadata.get("description", ""),
        turns=tuple(document.data["spec"]["turns"]),
    )
