"""Texts for the model that begin with behaviour 4. Recorded as it reads them: never change one."""

from __future__ import annotations

MODEL = {
    "lacks_scopes": "{tool} needs the scopes {scopes}, which the user who asked does not have. "
    "Go on without it.",
    "unknown_artifact": (
        "complete_task names the artifact {name}, which no call of this run made or was asked for: "
        "make it first, or leave it out of artifacts"
    ),
}
