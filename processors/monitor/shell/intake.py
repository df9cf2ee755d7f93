"""From bytes on the log to facts in the monitor, each place of the log once and in order."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.errors import WireError
from runfold.events.records.operations import DeadLetter
from runfold.events.run import Event
from runfold.processors.monitor.core.monitor import Monitor
from runfold.producers.log.tail import Place, RawRecord, place_of, time_of

_log = logging.getLogger("runfold.processors.monitor")


@dataclass(frozen=True, slots=True)
class Gap:
    """A batch that nobody can read, from ``offset`` to before ``end``."""

    place: Place
    offset: int
    end: int


class Intake:
    """Knows how far each partition has been taken: the monitor's own positions, not the group's."""

    def __init__(self, monitor: Monitor, codec: Codec) -> None:
        self.positions: dict[Place, int] = {}
        self._monitor = monitor
        self._codec = codec

    def begin(self, topic: str, partition: int, offset: int) -> None:
        """Say where reading of a partition begins."""
        self.positions[topic, partition] = offset

    def take(self, found: RawRecord | Gap, now: datetime) -> None:
        """Count a record, or a gap as of now; raises RegistryError: then it is to be taken again.

        Whoever reads back gives a moment that the gap is not younger than.
        """
        if isinstance(found, Gap):
            self._pass(found, now)
            return
        place, offset = place_of(found), found.offset() or 0
        if offset < self.positions.get(place, 0):
            self._monitor.tally.duplicates += 1
            return
        try:
            self._count(self._codec.decode(place[0], found.value()))
        except WireError:
            self._monitor.take_unreadable(*place, offset, time_of(found))
        self.positions[place] = offset + 1

    def take_copy(self, value: bytes) -> None:
        """Count an event out of a parked copy."""
        try:
            self._count(self._codec.decode(topics.EVENTS, value))
        except WireError:
            _log.warning("a parked copy holds a record that cannot be decoded")

    def _pass(self, gap: Gap, at: datetime) -> None:
        if gap.end > self.positions.get(gap.place, 0):
            self._monitor.take_unreadable(*gap.place, gap.offset, at)
            self.positions[gap.place] = gap.end

    def _count(self, body: object) -> None:
        match body:
            case Event():
                self._monitor.take(body)
            case DeadLetter():
                self._monitor.take_letter(body)
            case _:
                # A PositionNoted belongs to no run.
                pass
