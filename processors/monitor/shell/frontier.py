"""How far the log goes, asked of the broker by a client that Faust has no part in.

The end of a partition may be a control record that no consumer is handed, so a position below it
need not mean that anything is missing: only reading on from there tells.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from runfold.processors.monitor.shell.intake import Place

_LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]
_WAIT_S = 5.0


class FrontierError(Exception):
    """The broker does not say how far the log goes."""


class Frontier:
    """Answers whether everything that stood on the log at a moment has been taken."""

    def __init__(self, kafka: Mapping[str, str], places: list[Place]) -> None:
        self._options = {name: value for name, value in kafka.items() if name != "partitioner"}
        self._places = [TopicPartition(*place) for place in places]
        self._admin = AdminClient({**self._options, "log_level": 0})
        self._consumer = Consumer(
            {
                **self._options,
                "group.id": "runfold-readers",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 50,
                "log_level": 0,
            }
        )
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
        self._admin = AdminClient({**self._options, "log_level": 0})

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()

    def _is_past(self, place: Place, position: int, end: int) -> bool:
        known, next_one = self._nothing_before.get(place, (-1, 0))
        return position >= end or (known == position and next_one >= end)

    def _ends(self) -> dict[Place, int]:
        try:
            asked = self._admin.list_offsets(
                dict.fromkeys(self._places, _LATEST),
                isolation_level=IsolationLevel.READ_COMMITTED,
                request_timeout=_WAIT_S,
            )
            return {
                (at.topic, at.partition): int(found.result(_WAIT_S + 1).offset)
                for at, found in asked.items()
            }
        except (KafkaException, TimeoutError) as error:
            raise FrontierError(f"Kafka does not say where its topics end: {error}") from error

    def _read_on(self, behind: Mapping[Place, int]) -> None:
        """Learn where the next record after each position is."""
        waiting = dict(behind)
        until = time.monotonic() + _WAIT_S
        try:
            self._consumer.assign([TopicPartition(*place, at) for place, at in behind.items()])
            while waiting and time.monotonic() < until:
                message = self._consumer.poll(0.1)
                if message is None:
                    continue
                error = message.error()
                # At the end its offset is that of the end.
                if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001
                    continue
                place = (message.topic() or "", message.partition() or 0)
                position = waiting.pop(place, None)
                if position is not None:
                    self._nothing_before[place] = (position, message.offset() or 0)
            self._consumer.unassign()
        except KafkaException as error:
            raise FrontierError("Kafka does not answer.") from error
