"""Whether a remembered position belongs to what a topic is now: the one place that judges it.

A topic that was created again, restored from an older copy, or cut, begins its offsets again or
goes on from other ones. Whoever goes on from the remembered offset skips, in silence, what is
appended until then. Whoever remembers an offset that retention has passed skips what nobody has
read.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from runfold.producers.log.topics.topic_ids import is_of


class Fit(Enum):
    """How a remembered position stands to a topic."""

    FITS = "fits"
    OTHER_TOPIC = "of another topic"
    LOST_END = "beyond the end"
    LOST_START = "before the beginning"


@dataclass(frozen=True, slots=True)
class Remembered:
    """The next offset to read of a place, and the id of the topic it was noted with, if any."""

    offset: int
    topic_id: str = ""


@dataclass(frozen=True, slots=True)
class Now:
    """What a place is now: its topic's id, its first offset, and the one behind its last."""

    topic_id: str
    low: int
    high: int


def judge(remembered: Remembered, now: Now) -> Fit:
    """Return how a position stands to what is there now; 0 belongs to any topic."""
    offset = remembered.offset
    if offset > 0 and remembered.topic_id and not is_of(remembered.topic_id, now.topic_id):
        return Fit.OTHER_TOPIC
    if offset > now.high:
        return Fit.LOST_END
    if offset < now.low:
        return Fit.LOST_START
    return Fit.FITS


def told(place: tuple[str, int], remembered: Remembered, now: Now) -> str:
    """Return what is wrong, as the end of a sentence that begins with who remembers what."""
    name = f"{place[0]}/{place[1]}"
    match judge(remembered, now):
        case Fit.OTHER_TOPIC:
            return (
                f"of a topic with the id {remembered.topic_id}, and that of now is {now.topic_id}"
            )
        case Fit.LOST_END:
            return f"and {name} ends at {now.high}: it has lost its end, or was created again"
        case Fit.LOST_START:
            return (
                f"and {name} begins at {now.low}: the records before it were deleted, by retention "
                "or by hand, before they were read"
            )
        case Fit.FITS:
            return f"and {name} goes on from there"
