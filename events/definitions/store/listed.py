"""A version as lists show it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from runfold.events.definitions.base import Definition
from runfold.events.definitions.store.log import DefinitionMemory, Name, Published, State
from runfold.events.definitions.store.since import last

Seen = Callable[[str, str, str, str | None], Published | None]
"""Finds a version by kind, name and version as a tenant sees it."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A published version with what holds for it: its state, and for whom it is released."""

    kind: str
    definition: Definition
    tenant: str | None
    digest: bytes
    state: State
    reason: str
    released_for: tuple[str | None, ...]
    """Tenants for whom a release names this version; None among them is all."""
    published_by: str
    published_at: datetime | None
    position: int


def released_for(
    memory: DefinitionMemory, position: int, seen: Seen
) -> dict[tuple[Name, str], list[str | None]]:
    """Return the tenants for whom a release names each version, by whose version it is."""
    released: dict[tuple[Name, str], list[str | None]] = {}
    for name, choices in memory.releases.copy().items():
        chosen = last(choices, position)
        if chosen is not None and chosen.target is not None:
            owner = seen(name.kind, name.name, chosen.target, name.tenant)
            if owner is not None:
                key = (Name(name.kind, name.name, owner.tenant), chosen.target)
                released.setdefault(key, []).append(name.tenant)
    return released
