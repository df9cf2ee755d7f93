"""What is shown of a run, before any channel's form: a document of blocks.

Every text of a block may hold what a model or a stranger said: an adapter escapes all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from runfold.events.values import RunStatus
from runfold.surfaces.application.shapes import StatusCard


class Said(StrEnum):
    """What a text is: where the run stands, its result, what was said before, what is new."""

    STATUS = "status"
    RESULT = "result"
    BEFORE = "before"
    NEW = "new"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Text:
    """Some sentences."""

    said: Said
    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list; ``more`` counts what was left out of it."""

    said: Said
    title: str
    items: tuple[str, ...]
    more: int = 0


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: its columns, and rows of as many texts."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    more: int = 0


@dataclass(frozen=True, slots=True)
class Card:
    """The status card of the run."""

    card: StatusCard


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is that works: of ``total`` steps of its plan, 0 where it has none."""

    done: int
    total: int
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """What the agent asks a person; ``digest`` names what is shown, in hexadecimal."""

    run_id: str
    call_id: str
    text: str
    options: tuple[str, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class Approval:
    """A call that waits for a person's yes: what it would do, with which arguments.

    ``digest`` names what is shown: a decision carries it, and holds for nothing else. ``leaves``
    are the texts within the arguments as they are, each with the name that is nearest to it; None
    where there are too many to be looked at.
    """

    run_id: str
    call_id: str
    tool: str
    text: str
    arguments: tuple[tuple[str, str], ...]
    risk_level: int
    digest: str
    needed: int
    approved_by: tuple[str, ...]
    leaves: tuple[tuple[str, str], ...] | None = None


@dataclass(frozen=True, slots=True)
class Artifact:
    """Something that the run made; ``how`` is the profile's policy for it."""

    ref: str
    title: str
    how: str


@dataclass(frozen=True, slots=True)
class HandOff:
    """The offer to give the whole of it on another channel."""

    to: str
    why: str


Block = Text | Items | Grid | Card | Progress | Question | Approval | Artifact | HandOff


@dataclass(frozen=True, slots=True)
class Document:
    """A run as it is shown to one person on one channel, after its event ``seq``.

    ``seen`` is the last event that the person was shown before, None where nothing was.
    """

    run_id: str
    channel: str
    profile: str
    status: RunStatus
    seq: int
    seen: int | None
    title: str
    ended: bool
    blocks: tuple[Block, ...]

    def of(self, *kinds: type) -> tuple[Block, ...]:
        """Return the blocks of these kinds, in order."""
        return tuple(each for each in self.blocks if isinstance(each, kinds))
