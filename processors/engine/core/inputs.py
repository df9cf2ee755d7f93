"""The kinds of things a lane takes in."""

from __future__ import annotations

from dataclasses import dataclass

from runfold.events.base import Record
from runfold.processors.engine.aggregate import Timer

Headers = tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True, slots=True)
class Received:
    """A record as it came from an input topic; ``time_ms`` is its time stamp on the log."""

    topic: str
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    time_ms: int

    @property
    def next_offset(self) -> int:
        """The offset behind it."""
        return self.offset + 1


@dataclass(frozen=True, slots=True)
class Unreadable(Received):
    """What stands for records that nobody can read: the offsets from its own to before ``end``."""

    end: int = 0
    reason: str = ""

    @property
    def next_offset(self) -> int:
        """The offset behind all of them."""
        return self.end


@dataclass(frozen=True, slots=True)
class Deleted(Unreadable):
    """What stands for records that were deleted before anybody had read them."""


@dataclass(frozen=True, slots=True)
class Returned:
    """A result that came back through memory."""

    record: Record


@dataclass(frozen=True, slots=True)
class NotDone:
    """Word that a piece of local work was not wanted any more, and will not be answered."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Word that the log does not have what a lane counts on: it begins again from the log.

    ``for_good`` says that it is the journal, and that the lane stops instead.
    """

    why: str
    for_good: bool = False


@dataclass(frozen=True, slots=True)
class Due:
    """A deadline of the aggregate ``key`` that has passed."""

    key: str
    timer: Timer


Input = Received | Returned | Due
