"""How far the log goes, asked of the broker by a client that Faust has no part in.

The end of a partition may be a control record that no consumer is handed, so a position below it
need not mean that anything is missing: only reading on from there tells.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime

from confluent_kafka import KafkaException

from runfold.producers.errors import LogError, UnreadableError
from runfold.producers.log.kafka_tail import KafkaEnds, KafkaTail
from runfold.producers.log.tail import Place, firsts

_WAIT_S = 5.0


class FrontierError(Exception):
    """The broker does not say how far the log goes."""


class Frontier:
    """Answers whether everything that stood on the log at a moment has been taken."""

    def __init__(self, kafka: Mapping[str, str], places: list[Place]) -> None:
        self._places = places
        self._log_ends = KafkaEnds(kafka)
        self._tail = KafkaTail(kafka, own={"fetch.wait.max.ms": 50})
        self._asked: tuple[datetime, dict[Place, int]] | None = None
        self._nothing_before: dict[Place, tuple[int, int]] = {}

    def reached(self, positions: Mapping[Place, int], now: datetime) -> datetime | None:
        """Return a moment that everything before has been taken of; None while behind.

        The moment is when this was first asked since the last answer. Raises FrontierError.
        """
        if self._asked is None:
            self._asked = (now, self._ends())
        at, ends = self._asked
        behind = {
            place: positions.get(place, 0)
            for place, end in ends.items()
            if not self._is_past(place, positions.get(place, 0), end)
        }
        if behind:
            self._read_on(behind)
            if not all(self._is_past(place, at, ends[place]) for place, at in behind.items()):
                return None
        self._asked = None
        return at

    def forget(self) -> None:
        """Begin anew with the next question."""
        self._asked = None
        # After a broker's death an old client may go on asking those who lead no more.
        self._log_ends.forget()

    def close(self) -> None:
        """Leave the broker."""
        self._tail.close()

    def _is_past(self, place: Place, position: int, end: int) -> bool:
        known, next_one = self._nothing_before.get(place, (-1, 0))
        return position >= end or (known == position and next_one >= end)

    def _ends(self) -> dict[Place, int]:
        try:
            return self._log_ends.stable(self._places, _WAIT_S)
        except LogError as error:
            raise FrontierError(f"Kafka does not say where its topics end: {error}") from error

    def _read_on(self, behind: Mapping[Place, int]) -> None:
        """Learn where the next record after each position is."""
        until = time.monotonic() + _WAIT_S
        try:
            found = firsts(self._tail, behind, lambda: time.monotonic() >= until)
        except KafkaException as error:
            raise FrontierError("Kafka does not answer.") from error
        for place, one in found.items():
            if isinstance(one, UnreadableError):
                raise FrontierError(str(one))
            # At the end, what comes next is that end.
            at = one if isinstance(one, int) else one.offset() or 0
            self._nothing_before[place] = (behind[place], at)
