"""What goes wrong with artifacts, by what the caller must do.

ArtifactError
├── ArtifactMissingError       refuse: this tenant has no such artifact
├── ArtifactDamagedError       stop: the bytes are not those that the name stands for
└── ArtifactsUnavailableError  retry: the store did not answer, or did not take the bytes
"""

from __future__ import annotations


class ArtifactError(Exception):
    """The root of what an artifact store raises."""


class ArtifactMissingError(ArtifactError):
    """The tenant has no artifact of that name; whether another one has it is not said."""

    def __init__(self) -> None:
        super().__init__("There is no such artifact for this tenant.")


class ArtifactDamagedError(ArtifactError):
    """The store holds other bytes than the name stands for: restore them from a backup."""


class ArtifactsUnavailableError(ArtifactError):
    """The store did not answer or is full; the same may succeed later. ``args[0]`` is the cause."""
