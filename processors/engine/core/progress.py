"""How far a lane is, in the form in which the journal and the restore point note it.

Beside its inputs (``topic``) a lane notes the last number that it took from each partition that
writes to it (``from topic``), the last that it gave to a message to each partition (``to topic``),
and up to which offset of its own journal all messages are known to be where they belong (the
journal's own name). All of them only grow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from runfold.events.values import Position
from runfold.processors.engine.core.outbox import Place

END = "end "
"""With the journal's name, in a restore point: how far the journal went when that was written."""

LOST = "lost "
"""With the journal's name: events before this offset are gone, and an operator has accepted it."""

_FROM = "from "
_TO = "to "


@dataclass(slots=True)
class Progress:
    """``positions`` maps inputs to the next offset to take, ``heard`` senders to the last number
    taken, ``sent`` receivers to the last number given; ``delivered`` is an offset of the journal,
    None where messages are written in one transaction with it. ``ids`` say which topics the
    positions belong to: an offset says nothing of another topic of that name.
    """

    positions: dict[str, int] = field(default_factory=dict)
    heard: dict[Place, int] = field(default_factory=dict)
    sent: dict[Place, int] = field(default_factory=dict)
    delivered: int | None = None
    ids: dict[str, str] = field(default_factory=dict)

    def copy(self) -> Progress:
        """Return the same progress, to be moved on by itself."""
        heard, sent = self.heard.copy(), self.sent.copy()
        return Progress(self.positions.copy(), heard, sent, self.delivered, self.ids.copy())

    def advance(self, topic: str, offset: int) -> None:
        """Note that an input is dealt with up to an offset."""
        if offset > self.positions.get(topic, 0):
            self.positions[topic] = offset

    def take(self, noted: Iterable[Position], journal: str) -> None:
        """Take in what was noted; whatever is older changes nothing."""
        for each in noted:
            if each.topic == journal:
                self.delivered = max(self.delivered or 0, each.offset)
            elif each.topic.startswith(_FROM):
                _raise(self.heard, (each.topic.removeprefix(_FROM), each.partition), each.offset)
            elif each.topic.startswith(_TO):
                _raise(self.sent, (each.topic.removeprefix(_TO), each.partition), each.offset)
            elif each.topic_id and each.topic_id != self.ids.get(each.topic, ""):
                self.begin(each.topic, each.offset, each.topic_id)
            else:
                self.advance(each.topic, each.offset)

    def begin(self, topic: str, offset: int, topic_id: str) -> None:
        """Forget what is known of an input: it is another topic, and is dealt with up to here."""
        self.positions[topic] = offset
        self.ids[topic] = topic_id

    def noted(self, partition: int, journal: str) -> tuple[Position, ...]:
        """Return what is to be noted."""
        found = [
            Position(
                topic=topic,
                partition=partition,
                offset=offset,
                topic_id=self.ids.get(topic, ""),
            )
            for topic, offset in sorted(self.positions.items())
        ]
        found += _numbers(_FROM, self.heard)
        found += _numbers(_TO, self.sent)
        if self.delivered is not None:
            found.append(Position(topic=journal, partition=partition, offset=self.delivered))
        return tuple(found)


def _numbers(prefix: str, numbers: Mapping[Place, int]) -> Iterable[Position]:
    for (topic, partition), number in sorted(numbers.items()):
        yield Position(topic=prefix + topic, partition=partition, offset=number)


def _raise(numbers: dict[Place, int], place: Place, number: int) -> None:
    numbers[place] = max(numbers.get(place, 0), number)
