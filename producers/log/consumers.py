"""What every consumer shares: how it is set up, how it reads, and what its answers mean."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from runfold.infra.kafka import clients
from runfold.infra.kafka.clients import Admin, Consumer
from runfold.producers.errors import (
    NoTopicError,
    UnreadableError,
    is_unreadable,
    translated,
)
from runfold.producers.log.tail import Place, Portion, Positions

CLIENT_LOG = logging.getLogger("runfold.kafka")
"""Takes what librdkafka says, which otherwise writes to standard error itself.

It is said when its client is polled.
"""

Settings = Mapping[str, str | int | float | bool]

COMMITTED: Settings = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "isolation.level": "read_committed",
    "auto.offset.reset": "earliest",
    # Off in librdkafka unless asked for: a flipped bit would be handed out as data.
    "check.crcs": True,
}
"""What all begin with: committed records as they were written, no offset committed unasked."""

LOUD: Settings = {"auto.offset.reset": "error"}
"""Of readers that must know where an offset is not there: otherwise they begin at the beginning."""

# librdkafka's own codes are public, whatever their names look like.
_LOST = frozenset({KafkaError._AUTO_OFFSET_RESET, KafkaError._LOG_TRUNCATION})  # noqa: SLF001

_WAIT_S = 10.0


def shared(kafka: Settings) -> dict[str, str | int | float | bool]:
    """Return what every client but a producer begins with.

    The placement of keys is a producer's setting, and consumers complain of it.
    """
    return {name: value for name, value in kafka.items() if name != "partitioner"}


def consumer_of(kafka: Settings, own: Mapping[str, Any]) -> Consumer:
    """Return a consumer of committed records with settings of its own."""
    return clients.consumer(shared({**kafka, **COMMITTED, **own}), CLIENT_LOG)


def admin_of(kafka: Settings) -> Admin:
    """Return a client that asks questions."""
    return clients.admin({**shared(kafka), "log_level": 0})


def read(consumer: Consumer, most: int, wait_s: float) -> Portion:
    """Return up to ``most`` records that are there; empty after ``wait_s`` seconds of nothing."""
    # poll() and then what is there already: consume(n, t) would always wait t.
    first = consumer.poll(wait_s)
    if first is None:
        return Portion()
    rest = consumer.consume(most - 1, 0) if most > 1 else []
    return _portion([first, *rest])


def known_ends(consumer: Consumer, places: Iterable[Place]) -> dict[Place, int]:
    """Return the high watermarks as of the last fetch, of those places where it is known.

    To ask the broker instead would hold up what is read.
    """
    found: dict[Place, int] = {}
    for place in places:
        marks: tuple[int, int] | None = consumer.get_watermark_offsets(
            TopicPartition(*place), cached=True
        )
        if marks is not None and marks[1] >= 0:
            found[place] = marks[1]
    return found


def commit(consumer: Consumer, positions: Positions, *, wait: bool, topic_id: str = "") -> None:
    """Commit the next offsets of places for the consumer's group; raises LogError.

    With ``topic_id`` it stands beside them. Without ``wait`` a failure is reported to the
    consumer's ``on_commit`` only.
    """
    offsets = [
        TopicPartition(topic, number, at, topic_id) for (topic, number), at in positions.items()
    ]
    try:
        if wait:
            consumer.commit(offsets=offsets, asynchronous=False)
        else:
            consumer.commit(offsets=offsets, asynchronous=True)
    except KafkaException as error:
        raise translated(error, "committing offsets") from error


def places_of(client: Consumer | Admin, topic: str) -> list[Place]:
    """Return all places of a topic; raises RefusedError where there is no such topic."""
    try:
        known = client.list_topics(topic, timeout=_WAIT_S).topics[topic]
    except KafkaException as error:
        raise translated(error, f"asking for the partitions of {topic}") from error
    if known.error is not None and known.error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
        raise translated(known.error, f"asking for the partitions of {topic}")
    if not known.partitions:
        raise NoTopicError(f"There is no topic {topic}; create it first.")
    return [(topic, number) for number in range(len(known.partitions))]


def _portion(messages: list[Message]) -> Portion:
    found = Portion()
    for message in messages:
        error = message.error()
        place = message.topic() or "", message.partition() or 0
        if place in found.unreadable:
            # The client fetches the same again and again, and may hand out twice what is before.
            continue
        if error is None:
            found.records.append(message)
        elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
            found.reached[place] = message.offset() or 0
        elif is_unreadable(error) and (at := message.offset()) is not None and at >= 0:
            found.unreadable[place] = UnreadableError(place, at, error.str())
        else:
            found.faults.append(error)
            if error.code() in _LOST:
                found.lost.add(place)
    return found
