"""``topics``: what is on the log."""

from __future__ import annotations

from typing import Any

from confluent_kafka import KafkaException

from runfold.events.topics import TOPICS
from runfold.producers.errors import translated
from runfold.producers.log.consumers import admin_of
from runfold.producers.log.kafka_tail import KafkaEnds
from runfold.surfaces.cli.context import Context, kafka_of

_SECONDS = 10.0


def rows_of_topics(context: Context) -> list[dict[str, Any]]:
    """Return every topic's name, purpose, partitions and records; offsets of aborts included."""
    options = kafka_of(context)
    try:
        known = admin_of(options).list_topics(timeout=_SECONDS).topics
    except KafkaException as error:
        raise translated(error, "asking for the topics") from error
    counts = {t.name: len(known[t.name].partitions) for t in TOPICS if t.name in known}
    places = [(name, number) for name, count in counts.items() for number in range(count)]
    found = KafkaEnds(options).all(places)
    return [
        {
            "topic": topic.name,
            "partitions": counts.get(topic.name, 0),
            "records": sum(
                end.high - end.low for (name, _), end in found.items() if name == topic.name
            ),
            "purpose": topic.purpose,
        }
        for topic in TOPICS
    ]
