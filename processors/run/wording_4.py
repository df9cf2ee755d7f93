"""Texts for the model that begin with behaviour 4. Recorded as it reads them: never change one."""

from __future__ import annotations

MODEL = {
    "unknown_artifact": (
        "complete_task names the artifact {name}, which no call of this run made or was asked for: "
        "make it first, or leave it out of artifacts"
    ),
}
