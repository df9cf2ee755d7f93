"""The raw side of the log on Kafka."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from confluent_kafka import (
    OFFSET_BEGINNING,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]

from runfold.infra.kafka.clients import Admin
from runfold.producers.errors import UnavailableError, UnreadableError, translated
from runfold.producers.log.consumers import (
    Settings,
    admin_of,
    consumer_of,
    known_ends,
    places_of,
    read,
)
from runfold.producers.log.tail import End, Place, Portion, Positions

_EARLIEST = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
_LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]
_ANSWER_S = 10.0
_PAUSE_S = 0.2
_LED_ELSEWHERE = frozenset(
    {
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
    }
)

TAIL: Settings = {
    "group.id": "runfold-readers",  # never joined: the client asks for a name
    "enable.partition.eof": True,
    "fetch.wait.max.ms": 100,
    "log_level": 0,
}
"""What a tail begins with; its user may set other fetch sizes and waits, where it measured them."""


class KafkaTail:
    """A consumer that follows places; it belongs to no group and commits nothing.

    With ``lookup_s`` the leaders are looked up first: without them the first assignment loses a
    second. With ``aside`` a place that can never be read is followed no more, is called out once,
    and the others go on; without it, taking raises from then on.
    """

    def __init__(
        self,
        kafka: Settings,
        positions: Positions | None = None,
        own: Settings | None = None,
        lookup_s: float = 0.0,
        aside: Callable[[UnreadableError], None] | None = None,
    ) -> None:
        self._aside = aside
        self._broken: UnreadableError | None = None
        self._consumer = consumer_of(kafka, {**TAIL, **(own or {})})
        self._places: list[Place] = []
        if lookup_s:
            with suppress(KafkaException):
                self._consumer.list_topics(timeout=lookup_s)
        if positions:
            self.assign(positions)

    def assign(self, positions: Positions) -> None:
        """Follow exactly these places from now on."""
        self._places = list(positions)
        self._broken = None
        if self._places:
            self._consumer.assign(
                [
                    TopicPartition(topic, number, at if at >= 0 else OFFSET_BEGINNING)
                    for (topic, number), at in positions.items()
                ]
            )
        else:
            self._consumer.unassign()

    def take(self, most: int, wait_s: float) -> Portion:
        """Return what is there; empty after ``wait_s`` seconds of nothing."""
        if self._broken is not None:
            raise self._broken
        portion = read(self._consumer, most, wait_s)
        for place, broken in portion.unreadable.items():
            # Left to the client, it would be fetched and refused twice a second for ever.
            self._consumer.incremental_unassign([TopicPartition(*place)])
            if self._aside is not None:
                self._aside(broken)
            else:
                self._broken = broken
        if self._broken is not None and not portion.records:
            raise self._broken
        return portion

    def known_ends(self) -> dict[Place, int]:
        """Return the high watermarks as of the last fetch, of those places where it is known."""
        return known_ends(self._consumer, self._places)

    def places(self, topic: str) -> list[Place]:
        """Return all places of a topic; raises RefusedError where there is no such topic."""
        return places_of(self._consumer, topic)

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


class KafkaEnds:
    """Asks the brokers where places begin and end.

    A client that lived through a broker's death may not find the new leaders for long, so a
    question that fails is the last one of its client.
    """

    def __init__(self, kafka: Settings) -> None:
        self._kafka = kafka
        self._admin: Admin | None = None

    def all(self, places: list[Place]) -> dict[Place, End]:
        """Return low, high and stable of each place."""
        low, high, stable = self.low(places), self.high(places), self.stable(places)
        return {place: End(low[place], high[place], stable[place]) for place in places}

    def low(self, places: list[Place], wait_s: float = _ANSWER_S) -> dict[Place, int]:
        """Return the first offsets that are kept."""
        return self._ask(places, _EARLIEST, IsolationLevel.READ_COMMITTED, wait_s)

    def high(self, places: list[Place], wait_s: float = _ANSWER_S) -> dict[Place, int]:
        """Return the high watermarks, open transactions included."""
        return self._ask(places, _LATEST, IsolationLevel.READ_UNCOMMITTED, wait_s)

    def stable(self, places: list[Place], wait_s: float = _ANSWER_S) -> dict[Place, int]:
        """Return the last stable offsets."""
        return self._ask(places, _LATEST, IsolationLevel.READ_COMMITTED, wait_s)

    def places(self, topic: str) -> list[Place]:
        """Return all places of a topic; raises RefusedError where there is no such topic."""
        try:
            return places_of(self._client(), topic)
        except UnavailableError:
            self.forget()
            raise

    def forget(self) -> None:
        """Ask the next question with a new client."""
        self._admin = None

    def _ask(
        self, places: list[Place], which: OffsetSpec, isolation: IsolationLevel, wait_s: float
    ) -> dict[Place, int]:
        if not places:
            return {}
        asked = {TopicPartition(*place): which for place in places}
        until = time.monotonic() + wait_s
        while True:
            try:
                return self._answered(asked, isolation, wait_s)
            except KafkaException as error:
                self.forget()
                # Brokers that have just come back do not all know yet who leads.
                if (
                    error.args[0].code() not in _LED_ELSEWHERE
                    or time.monotonic() + _PAUSE_S >= until
                ):
                    raise translated(error, "asking where the log ends") from error
            except TimeoutError as error:
                self.forget()
                reason = "Kafka did not say where the log ends: try again."
                raise UnavailableError(reason) from error
            time.sleep(_PAUSE_S)

    def _answered(
        self, asked: dict[TopicPartition, OffsetSpec], isolation: IsolationLevel, wait_s: float
    ) -> dict[Place, int]:
        answers = self._client().list_offsets(
            asked, isolation_level=isolation, request_timeout=wait_s
        )
        return {
            (place.topic, place.partition): int(answer.result(wait_s + 1).offset)
            for place, answer in answers.items()
        }

    def _client(self) -> Admin:
        self._admin = self._admin or admin_of(self._kafka)
        return self._admin
