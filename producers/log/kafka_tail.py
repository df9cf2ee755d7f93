"""The raw side of the log on Kafka: the one room that makes consumers."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from runfold.producers.errors import UnavailableError, translated
from runfold.producers.log.tail import End, Place, Portion, Positions

Settings = Mapping[str, str | int | float | bool]

_EARLIEST = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
_LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]
_ANSWER_S = 10.0

TAIL: Settings = {
    "group.id": "runfold-readers",  # never joined: the client asks for a name
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    "isolation.level": "read_committed",
    "auto.offset.reset": "earliest",
    "fetch.wait.max.ms": 100,
    "log_level": 0,
}
"""What a tail begins with; its user may set other fetch sizes and waits, where it measured them."""


def shared(kafka: Settings) -> dict[str, str | int | float | bool]:
    """Return what every client but a producer begins with.

    The placement of keys is a producer's setting, and consumers complain of it.
    """
    return {name: value for name, value in kafka.items() if name != "partitioner"}


def consumer_of(kafka: Settings, own: Mapping[str, Any]) -> Consumer:
    """Return a consumer with settings of its own, for those who are members of a group."""
    return Consumer(shared({**kafka, **own}))


def admin_of(kafka: Settings) -> AdminClient:
    """Return a client that asks questions."""
    return AdminClient({**shared(kafka), "log_level": 0})


def is_end(error: KafkaError) -> bool:
    """Return whether a fault of a message says that the end of its place was reached."""
    return error.code() == KafkaError._PARTITION_EOF  # noqa: SLF001 - its public name


class KafkaTail:
    """A consumer that follows places; it belongs to no group and commits nothing.

    With ``lookup_s`` the leaders are looked up first: without them the first assignment loses a
    second.
    """

    def __init__(
        self,
        kafka: Settings,
        positions: Positions | None = None,
        own: Settings | None = None,
        lookup_s: float = 0.0,
    ) -> None:
        self._consumer = consumer_of(kafka, {**TAIL, **(own or {})})
        self._places: list[TopicPartition] = []
        if lookup_s:
            with suppress(KafkaException):
                self._consumer.list_topics(timeout=lookup_s)
        if positions:
            self.assign(positions)

    def assign(self, positions: Positions) -> None:
        """Follow exactly these places from now on."""
        self._places = [
            TopicPartition(topic, number, at if at >= 0 else OFFSET_BEGINNING)
            for (topic, number), at in positions.items()
        ]
        if self._places:
            self._consumer.assign(self._places)
        else:
            self._consumer.unassign()

    def take(self, most: int, wait_s: float) -> Portion:
        """Return what is there; empty after ``wait_s`` seconds of nothing."""
        # poll() and then what is there already: consume(n, t) would always wait t.
        first = self._consumer.poll(wait_s)
        if first is None:
            return Portion()
        rest = self._consumer.consume(most - 1, 0) if most > 1 else []
        return _portion([first, *rest])

    def known_ends(self) -> dict[Place, int]:
        """Return the high watermarks as of the last fetch, of those places where it is known."""
        found: dict[Place, int] = {}
        for place in self._places:
            marks: tuple[int, int] | None = self._consumer.get_watermark_offsets(place, cached=True)
            if marks is not None and marks[1] >= 0:
                found[place.topic, place.partition] = marks[1]
        return found

    def from_time(self, places: list[Place], millis: int) -> dict[Place, int]:
        """Return the first offset from a time on, in milliseconds; below 0 where nothing is."""
        asked = [TopicPartition(topic, number, max(0, millis)) for topic, number in places]
        try:
            found = self._consumer.offsets_for_times(asked, timeout=_ANSWER_S)
        except KafkaException as error:
            raise translated(error, "looking for a time in the log") from error
        return {(place.topic, place.partition): place.offset for place in found}

    def close(self) -> None:
        """Release the connections."""
        self._consumer.close()


def _portion(messages: list[Message]) -> Portion:
    found = Portion()
    for message in messages:
        error = message.error()
        if error is None:
            found.records.append(message)
        elif is_end(error):
            place = message.topic() or "", message.partition() or 0
            found.reached[place] = message.offset() or 0
        else:
            found.faults.append(error)
    return found


class KafkaEnds:
    """Asks the brokers where places begin and end.

    A client that lived through a broker's death may not find the new leaders for long, so a
    question that fails is the last one of its client.
    """

    def __init__(self, kafka: Settings) -> None:
        self._kafka = kafka
        self._admin: AdminClient | None = None

    def all(self, places: list[Place]) -> dict[Place, End]:
        """Return low, high and stable of each place."""
        committed = IsolationLevel.READ_COMMITTED
        low = self._ask(places, _EARLIEST, committed, _ANSWER_S)
        high, stable = self.high(places), self.stable(places)
        return {place: End(low[place], high[place], stable[place]) for place in places}

    def high(self, places: list[Place], wait_s: float = _ANSWER_S) -> dict[Place, int]:
        """Return the high watermarks, open transactions included."""
        return self._ask(places, _LATEST, IsolationLevel.READ_UNCOMMITTED, wait_s)

    def stable(self, places: list[Place], wait_s: float = _ANSWER_S) -> dict[Place, int]:
        """Return the last stable offsets."""
        return self._ask(places, _LATEST, IsolationLevel.READ_COMMITTED, wait_s)

    def forget(self) -> None:
        """Ask the next question with a new client."""
        self._admin = None

    def _ask(
        self, places: list[Place], which: OffsetSpec, isolation: IsolationLevel, wait_s: float
    ) -> dict[Place, int]:
        if not places:
            return {}
        admin = self._admin = self._admin or admin_of(self._kafka)
        asked = {TopicPartition(*place): which for place in places}
        try:
            answers = admin.list_offsets(asked, isolation_level=isolation, request_timeout=wait_s)
            return {
                (place.topic, place.partition): int(answer.result(wait_s + 1).offset)
                for place, answer in answers.items()
            }
        except KafkaException as error:
            self.forget()
            raise translated(error, "asking where the log ends") from error
        except TimeoutError as error:
            self.forget()
            raise UnavailableError("Kafka did not say where the log ends: try again.") from error
