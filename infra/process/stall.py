"""Notices a reader that has silently stopped reading: records stand on the log, and none arrives.

A client that lost its way to a leader keeps its membership, raises nothing and delivers nothing.
Every look: 1. where the reader stands and where the log ends; 2. whoever stood before the end at
several looks in a row is suspected; 3. a consumer of our own reads from there: marks of
transactions are no records, and a broker that does not answer proves nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    IsolationLevel,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

_log = logging.getLogger(__name__)

EXIT_STALLED = 72
"""The exit code of a process whose consumer stalled: start it again."""

Place = tuple[str, int]
"""A topic and a partition."""

Positions = Mapping[Place, int]
"""The next offset to come of each place that is being read just now; below 0 where unknown."""

_LOOKS = 4
_ANSWER_S = 5.0
_PROBE_S = 10.0
_LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class _Seen:
    at: int
    end: int
    looks: int


class Standstill:
    """Says which places stood still before their ends at so many looks in a row.

    Looks are counted, not seconds: a process that was frozen has not looked.
    """

    def __init__(self, looks: int = _LOOKS) -> None:
        self._looks = looks
        self._seen: dict[Place, _Seen] = {}
        self._empty: dict[Place, tuple[int, int]] = {}

    def look(self, positions: Positions, ends: Positions) -> list[Place]:
        """Take one look and return the suspects; a place that is not read now begins anew."""
        seen = {}
        for place, at in positions.items():
            end = ends.get(place, at)
            if end in {at, 0} or self._empty.get(place) == (at, end):
                continue
            before = self._seen.get(place)
            looks = before.looks + 1 if before is not None and before.at == at else 0
            seen[place] = _Seen(at, end, looks)
        self._seen = seen
        return [place for place, one in seen.items() if one.looks >= self._looks]

    def acquit(self, place: Place) -> None:
        """Say that nothing stands between a suspect and the end that was seen."""
        if (one := self._seen.pop(place, None)) is not None:
            self._empty[place] = (one.at, one.end)

    def forget(self) -> None:
        """Begin anew: while nobody answers, silence proves nothing."""
        self._seen = {}


class StallWatch(threading.Thread):
    """Looks after the readers of one process and calls ``stalled`` once, with the reason.

    ``reading`` is called from this thread; it leaves out what is paused, or waits for something
    else than the log.
    """

    def __init__(
        self,
        kafka: Mapping[str, str | int | float | bool],
        reading: Callable[[], Positions],
        after_s: float,
        stalled: Callable[[str], None],
    ) -> None:
        super().__init__(name="stall-watch", daemon=True)
        # The placement of keys is a producer's matter, and a consumer complains of it.
        self._kafka = {name: value for name, value in kafka.items() if name != "partitioner"}
        self._reading = reading
        self._after_s = after_s
        self._stalled = stalled
        self._standstill = Standstill()
        self._admin: AdminClient | None = None
        self._ended = threading.Event()

    def stop(self) -> None:
        """Look no more; what is being looked at now is finished."""
        self._ended.set()

    def run(self) -> None:
        """Look every now and then until stopped or something has stalled."""
        while not self._ended.wait(self._after_s / (_LOOKS + 1)):
            try:
                why = self._look()
            except (KafkaException, TimeoutError) as error:
                _log.debug("the ends of the log are not known: %s", error)
                self._standstill.forget()
                # A client that lived through a broker's death may not find leaders for long.
                self._admin = None
                continue
            if why:
                self._stalled(why)
                return

    def _look(self) -> str:
        positions = dict(self._reading())
        suspects = self._standstill.look(positions, self._ends(positions))
        found = self._probe({place: positions[place] for place in suspects})
        now = self._reading() if found else {}
        for place, end in found.items():
            if now.get(place) == positions[place]:
                topic, partition = place
                return (
                    f"consumer stalled: {topic}/{partition} has records from {positions[place]} on "
                    f"(to {end}), and none has arrived for {self._after_s:.0f} s"
                )
        return ""

    def _ends(self, positions: Positions) -> dict[Place, int]:
        if not positions:
            return {}
        if self._admin is None:
            self._admin = AdminClient({**self._kafka, "log_level": 0})
        asked = {TopicPartition(*place): _LATEST for place in positions}
        answers = self._admin.list_offsets(
            asked, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=_ANSWER_S
        )
        return {
            (place.topic, place.partition): answer.result(_ANSWER_S + 1).offset
            for place, answer in answers.items()
        }

    def _probe(self, suspects: Positions) -> dict[Place, int]:
        """Return the suspects behind whose positions records stand, with an offset of one."""
        if not suspects:
            return {}
        consumer = Consumer(
            {
                **self._kafka,
                "group.id": "runfold-stall-probe",  # never joined: the client asks for a name
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "log_level": 0,
            }
        )
        try:
            consumer.assign(_starts(suspects, self._ends(suspects)))
            return self._read(consumer, suspects)
        finally:
            consumer.close()

    def _read(self, consumer: Consumer, suspects: Positions) -> dict[Place, int]:
        found: dict[Place, int] = {}
        open_places = set(suspects)
        until = time.monotonic() + _PROBE_S
        while open_places and time.monotonic() < until and not self._ended.is_set():
            message = consumer.poll(0.2)
            if message is None:
                continue
            place = (message.topic() or "", message.partition() or 0)
            if place not in open_places:
                continue
            if message.error() is None:
                found[place] = message.offset() or 0
            else:
                # Its end; any other fault is no reason to end a process.
                self._standstill.acquit(place)
            open_places.discard(place)
        return found


def _starts(suspects: Positions, ends: Positions) -> list[TopicPartition]:
    return [
        # Beyond the end, the topic is another one than it was; unknown, nothing was ever read.
        TopicPartition(*place, at if 0 <= at <= ends.get(place, at) else OFFSET_BEGINNING)
        for place, at in suspects.items()
    ]
