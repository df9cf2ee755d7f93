"""Whether topics that keep everything still begin where they began."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runfold.events.topics import EVENTS
from runfold.producers.errors import LostStartError
from runfold.producers.log.consumers import Settings
from runfold.producers.log.kafka_tail import KafkaEnds
from runfold.producers.log.tail import Place

LOST_TODO = (
    "set the topics right (`python -m runfold.stack.prepare --mend`), restore this one from a "
    "back-up, and until then rebuild no view: the views may hold the only copy of what is gone"
)
"""What helps, and what would make it worse."""


TODO = LOST_TODO[0].upper() + LOST_TODO[1:]


def lost_starts(kafka: Settings, places: Iterable[Place]) -> dict[Place, int]:
    """Return where places begin that do not begin at 0; raises UnavailableError."""
    found = KafkaEnds(kafka).low(list(places))
    return {place: low for place, low in sorted(found.items()) if low > 0}


def need_starts(begins: Mapping[Place, int]) -> None:
    """Raise LostStartError where a place does not begin at 0."""
    for (topic, partition), low in sorted(begins.items()):
        if low > 0:
            raise LostStartError(f"{lost(topic, partition, low)}. {TODO}.")


def lost(topic: str, partition: int, low: int) -> str:
    """Return what it means that a place begins at an offset."""
    what = "the events of runs" if topic == EVENTS else "records"
    return (
        f"{topic}/{partition} begins at offset {low} and must begin at 0: {what} before it were "
        "deleted, by retention or by hand"
    )
