"""From bytes on the log to facts in the monitor, each place of the log once and in order."""

from __future__ import annotations

import logging
from datetime import datetime

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.errors import WireError
from runfold.events.operations import DeadLetter
from runfold.events.run import Event
from runfold.processors.monitor.core.monitor import Monitor

Place = tuple[str, int]
"""A topic and a partition."""

_log = logging.getLogger("runfold.processors.monitor")


class Intake:
    """Knows how far each partition has been taken: the monitor's own positions, not the group's."""

    def __init__(self, monitor: Monitor, codec: Codec) -> None:
        self.positions: dict[Place, int] = {}
        self._monitor = monitor
        self._codec = codec

    def begin(self, topic: str, partition: int, offset: int) -> None:
        """Say where reading of a partition begins."""
        self.positions[topic, partition] = offset

    def take(
        self, topic: str, partition: int, offset: int, value: bytes | None, at: datetime
    ) -> None:
        """Count a record; raises RegistryError, upon which it is to be taken again."""
        if offset < self.positions.get((topic, partition), 0):
            self._monitor.tally.duplicates += 1
            return
        try:
            self._count(self._codec.decode(topic, value))
        except WireError:
            self._monitor.take_unreadable(topic, partition, offset, at)
        self.positions[topic, partition] = offset + 1

    def take_copy(self, value: bytes) -> None:
        """Count an event out of a parked copy."""
        try:
            self._count(self._codec.decode(topics.EVENTS, value))
        except WireError:
            _log.warning("a parked copy holds a record that cannot be decoded")

    def _count(self, body: object) -> None:
        match body:
            case Event():
                self._monitor.take(body)
            case DeadLetter():
                self._monitor.take_letter(body)
            case _:
                # A PositionNoted belongs to no run.
                pass
