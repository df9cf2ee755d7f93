"""The order of versions."""

from __future__ import annotations

VersionOrder = tuple[tuple[int, int, str], ...]


def version_order(version: str) -> VersionOrder:
    """Order dotted versions by number where they are numbers, by text where they are not."""
    return tuple(
        (0, int(part), "") if part.isdigit() else (1, 0, part) for part in version.split(".")
    )
