"""A receiver of webhooks, and which events it gets; on the wire its kind is ``subscription``."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from runfold.events.definitions.base import Definition

SUBSCRIPTION = "subscription"
"""The kind's name on the wire."""

SECRET_NAME = re.compile(r"webhook[-_.A-Za-z0-9]{0,120}", re.ASCII)
"""Secrets that a receiver may be given: no other secret of a deployment can be named here."""

Pattern = Annotated[str, Field(pattern=r"^[A-Za-z]{0,80}\*?$", min_length=1)]
SecretName = Annotated[str, Field(pattern=f"^{SECRET_NAME.pattern}$")]
Address = Annotated[str, Field(min_length=8, max_length=2000)]


class EventFilter(BaseModel):
    """What else must hold of an event; what is empty holds for all.

    ``statuses`` are those of the run after the event, ``actors`` kinds of who caused it. ``fields``
    are fields of the event and the values that one of them must have; a field that holds contents
    never matches.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    statuses: tuple[str, ...] = Field(default=(), max_length=20)
    actors: tuple[str, ...] = Field(default=(), max_length=10)
    fields: dict[str, tuple[str | int | bool, ...]] = Field(default_factory=dict, max_length=10)


class Subscription(Definition):
    """Where events of certain types are sent, signed with which secrets.

    ``events`` are types, or beginnings of types with a ``*`` behind. ``secrets`` are names in the
    store of secrets, the newest first: what is sent has a signature by each. ``contents`` ``thin``
    says that something happened and where to look, ``event`` is the whole event.
    """

    description: str = ""
    url: Address
    secrets: tuple[SecretName, ...] = Field(min_length=1, max_length=5)
    events: tuple[Pattern, ...] = Field(min_length=1, max_length=100)
    filter: EventFilter = EventFilter()
    contents: Literal["thin", "event"] = "thin"
    timeout_ms: int = Field(default=15_000, ge=1_000, le=30_000)
    concurrency: int = Field(default=8, ge=1, le=64)

    def takes(self, kind: str) -> bool:
        """Whether it is about events of a type at all."""
        return any(fnmatchcase(kind, pattern) for pattern in self.events)
