"""Everything that can go wrong between a record and its bytes.

EventsError
├── WireError      refuse: these bytes are no record of this topic; dead letter them
│   └── ShutError  refuse: it is one, whose contents nobody can read any more
├── SchemaError    stop: the classes or the committed schemas are wrong; mend and release them
└── RegistryError  retry: the schema registry did not answer as it should
    └── KeysUnavailableError  retry: the key service did not, or the keys were not read yet
"""

from __future__ import annotations

from typing import Any, Literal

WireCode = Literal[
    "not_framed",
    "unknown_schema",
    "truncated",
    "wrong_topic",
    "oversized",
    "invalid",
    "unreadable_batch",
    "deleted_unread",
    "erased",
    "key_lost",
]


class EventsError(Exception):
    """The root of what this room raises."""


class WireError(EventsError):
    """Bytes that are no record of their topic; ``code`` says in one word why."""

    def __init__(self, code: WireCode, reason: str) -> None:
        super().__init__(reason)
        self.code: WireCode = code
        self.reason = reason


class ShutError(WireError):
    """Sealed contents whose key is gone: ``erased`` or ``key_lost``; ``found`` is what they are in.

    Everything in it that is no content can be read.
    """

    def __init__(self, code: WireCode, reason: str, found: Any = None) -> None:
        super().__init__(code, reason)
        self.found = found


class SchemaError(EventsError):
    """A class or a committed schema breaks the rules of the wire; the message names it."""


class RegistryError(EventsError):
    """A schema registry could not be reached, or refused what it was asked."""


class KeysUnavailableError(RegistryError):
    """A tenant's key could not be had just now, so what it seals waits; the message says why."""
