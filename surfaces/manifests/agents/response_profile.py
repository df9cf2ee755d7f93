"""The manifest of a response profile, also as it stands without an envelope."""

from __future__ import annotations

from typing import Any

from runfold.events.definitions import ResponseProfile
from runfold.infra.documents import Document
from runfold.surfaces.manifests.problems import Remark

FIRST_VERSION = "1.0.0"
_MARKS = {"channel", "max_response_length"}
_ENVELOPE = {"apiVersion", "kind", "metadata", "spec"}


def is_bare(data: Any) -> bool:
    """Whether a document is a profile's fields alone: how other systems write one down."""
    return isinstance(data, dict) and data.keys() >= _MARKS and not data.keys() & _ENVELOPE


def with_envelope(document: Document) -> None:
    """Make a manifest of a profile's fields: named after its channel, in the first version."""
    fields = document.data
    name = str(fields["channel"]).replace("_", "-")
    document.data = {
        "apiVersion": "runfold/v1",
        "kind": "ResponseProfile",
        "metadata": {"name": name, "version": FIRST_VERSION},
        "spec": fields,
    }
    document.lines = {("spec", *path): line for path, line in document.lines.items()}
    document.bare = True


def lower_response_profile(document: Document) -> tuple[ResponseProfile, list[Remark]]:
    """Return the profile that a checked document declares, and what to tell its author."""
    metadata, spec = document.data["metadata"], document.data["spec"]
    made = ResponseProfile.model_validate(
        {
            **spec,
            "name": metadata["name"],
            "version": metadata["version"],
            "description": metadata.get("description", ""),
        }
    )
    return made, _told(made, document)


def _told(made: ResponseProfile, document: Document) -> list[Remark]:
    remarks = []
    if document.bare:
        sentence = (
            f"published as {made.name} {made.version}: give it a kind, a name and a version to "
            "publish another one"
        )
        remarks.append(document.remark(("spec",), sentence))
    if made.fallback.hand_off_to == made.channel:
        sentence = f"hands off to {made.channel}, which is this channel: name another one"
        document.refuse(("spec", "fallback", "hand_off_to"), sentence)
    return remarks
