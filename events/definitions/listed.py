"""A version as lists show it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from runfold.events.definitions.base import Definition
from runfold.events.definitions.log import State


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
