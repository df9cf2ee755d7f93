"""What the engine needs from outside: a codec, the definitions, and somewhere to do local work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import Enum
from typing import Protocol

from runfold.events.avro.peek import Peek
from runfold.events.base import Fact, Record
from runfold.events.definitions import Definitions

Deliver = Callable[[Record], None]
"""Takes the result of a piece of local work; may be called from any thread."""


class Wish(Enum):
    """Whether a piece of work is still wanted when its turn comes."""

    BEGIN = "begin"
    WAIT = "wait"
    DROP = "drop"


Wanted = Callable[[Record], Wish]
"""Asked, on any thread, when the turn of a piece of work comes, and again just before it begins.

What is to wait stays with the host, and is asked about again after ``look_again``.
"""

Dropped = Callable[[Record], None]
"""Takes a piece of work that is not done because it is not wanted; on any thread."""


class Head(Protocol):
    """What the engine reads of a journal event's meta."""

    @property
    def seq(self) -> int:
        """1, 2, 3 … within the aggregate."""
        ...

    @property
    def time(self) -> datetime:
        """When the fact was decided."""
        ...

    @property
    def traceparent(self) -> str:
        """The trace context."""
        ...

    @property
    def prev_hash(self) -> bytes:
        """The sha256 of the event before it."""
        ...


class JournalEvent(Protocol):
    """A fact as it stands in a journal, of any kind of aggregate."""

    @property
    def meta(self) -> Head:
        """Its place in the chain."""
        ...

    @property
    def fact(self) -> Fact:
        """What happened."""
        ...

    @property
    def id(self) -> str:
        """Its id on the wire: ``key/seq``."""
        ...


class Codec(Protocol):
    """Records to bytes and back; ``decode`` raises WireError for unusable bytes."""

    def encode(self, topic: str, record: Record) -> bytes:
        """Return a record as it stands on a topic."""
        ...

    def encode_event(self, meta: Record, fact: Fact) -> bytes:
        """Return an event as it stands on the journal."""
        ...

    def encode_completion(self, meta: Record, fact: Fact) -> bytes:
        """Return a terminal event as it stands on the completions topic."""
        ...

    def decode(self, topic: str, value: bytes) -> Record | JournalEvent:
        """Return what bytes from a topic say."""
        ...

    def peek(self, value: bytes) -> Peek | None:
        """Return the beginning of a journal value, None if it is not an event."""
        ...

    def beyond(self, value: bytes) -> str:
        """Return what a journal value's schema says that this release does not know, or ""."""
        ...


class DefinitionStore(Protocol):
    """Where the definitions come from."""

    def current(self) -> Definitions:
        """Return the newest definitions that was read."""
        ...

    def catch_up(self, timeout: float) -> Definitions:
        """Return the definitions after reading what is published now, within ``timeout`` s."""
        ...


class EffectHost(Protocol):
    """Work done in this process; each piece is answered by one result record, or dropped."""

    def submit_many(
        self,
        works: Sequence[Record],
        deliver: Deliver,
        wanted: Wanted | None = None,
        dropped: Dropped | None = None,
    ) -> None:
        """Take work and return at once; each result goes to ``deliver``.

        ``wanted`` is asked whether a piece may begin; what it drops goes to ``dropped``. A piece
        that is here already, queued or in flight, is not done a second time.
        """
        ...

    def look_again(self) -> None:
        """Ask again about what was to wait; from any thread, when the answer may be another."""
        ...


class NoEffects:
    """For processes whose work is all done in pools."""

    def submit_many(
        self,
        works: Sequence[Record],
        deliver: Deliver,  # noqa: ARG002
        wanted: Wanted | None = None,  # noqa: ARG002
        dropped: Dropped | None = None,  # noqa: ARG002
    ) -> None:
        """Refuse local work, which nobody here could do."""
        if works:
            raise RuntimeError(
                f"{type(works[0]).__name__} asks for local placement, but this process has no "
                "local effects: give the engine some, or place the work in a pool."
            )

    def look_again(self) -> None:
        """Do nothing: there is no work here."""
