"""Everything that can go wrong between a record and its bytes.

EventsError
├── WireError      refuse: these bytes are no record of this topic; dead letter them
├── SchemaError    stop: the classes or the committed schemas are wrong; mend and release them
└── RegistryError  retry: the schema registry did not answer as it should
"""

from __future__ import annotations

from typing import Literal

WireCode = Literal[
    "not_framed",
    "unknown_schema",
    "truncated",
    "wrong_topic",
    "oversized",
    "invalid",
    "unreadable_batch",
    "deleted_unread",
]


class EventsError(Exception):
    """The root of what this room raises."""


class WireError(EventsError):
    """Bytes that are no record of their topic; ``code`` says in one word why."""

    def __init__(self, code: WireCode, reason: str) -> None:
        super().__init__(reason)
        self.code: WireCode = code
        self.reason = reason


class SchemaError(EventsError):
    """A class or a committed schema breaks the rules of the wire; the message names it."""


class RegistryError(EventsError):
    """A schema registry could not be reached, or refused what it was asked."""
