"""Published definitions as they are shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from runfold.surfaces.application.shapes.base import SHAPE, Shape


class DefinitionRow(Shape):
    """A published version; ``live`` says that its name stands for it, for those who see it."""

    shape: Literal[2] = SHAPE
    kind: str
    name: str
    version: str
    tenant: str | None
    state: str
    live: bool
    released_for: tuple[str | None, ...]
    digest: str
    published_at: datetime | None
    published_by: str
    position: int
    reason: str


class DefinitionDetail(DefinitionRow):
    """A published version with its content."""

    body: Any


class Change(Shape):
    """A field that differs between two definitions; None where one of them lacks it."""

    field: str
    before: Any
    after: Any
