"""What the engine needs from outside: a codec, the definitions, and somewhere to do local work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import Enum, auto
from typing import Protocol

from runfold.events.avro.peek import Peek
from runfold.events.base import Fact, Record
from runfold.events.definitions import Definitions

Deliver = Callable[[Record], None]
"""Takes the result of a piece of local work; may be called from any thread."""


class Wish(Enum):
    """Whether a piece of work is to be done when its turn has come: WAIT is "not now"."""

    BEGIN = auto()
    WAIT = auto()
    DROP = auto()


Wanted = Callable[[Record], Wish]
"""What a lane wishes of a piece of work whose turn has come; called from the host's thread."""

Dropped = Callable[[Record], None]
"""Hears of work that was not wanted any more, in the place of a result; from any thread."""


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


class DefinitionStore(Protocol):
    """Where the definitions come from."""

    def current(self) -> Definitions:
        """Return the newest definitions that was read."""
        ...

    def catch_up(self, timeout: float) -> Definitions:
        """Return the definitions after reading what is published now, within ``timeout`` s."""
        ...


class EffectHost(Protocol):
    """Work done in this process; every piece is answered once, by a result record."""

    def submit_many(
        self,
        works: Sequence[Record],
        deliver: Deliver,
        wanted: Wanted | None = None,
        dropped: Dropped | None = None,
    ) -> None:
        """Take work and return at once; each result goes to ``deliver``.

        When its turn comes, a piece is asked about by ``wanted``: one that is not wanted any more
        goes to ``dropped`` instead, one that is to wait is asked about again later.
        """
        ...

    def look_again(self) -> None:
        """Ask again about the work that was to wait; from any thread."""
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
        """Do nothing: there is no work that could wait."""
