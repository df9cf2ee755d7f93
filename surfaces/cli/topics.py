"""``topics``: what is on the log."""

from __future__ import annotations

from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from runfold.events.topics import TOPICS
from runfold.producers.errors import translated
from runfold.surfaces.cli.context import Context, kafka_of

_SECONDS = 10.0


def rows_of_topics(context: Context) -> list[dict[str, Any]]:
    """Return every topic's name, purpose, partitions and records; offsets of aborts included."""
    options = kafka_of(context)
    consumer = Consumer({**options, "group.id": "runfold-readers", "log_level": 0})
    try:
        known = consumer.list_topics(timeout=_SECONDS).topics
        return [
            {
                "topic": topic.name,
                "partitions": len(known[topic.name].partitions) if topic.name in known else 0,
                "records": _records(consumer, topic.name, known) if topic.name in known else 0,
                "purpose": topic.purpose,
            }
            for topic in TOPICS
        ]
    except KafkaException as error:
        raise translated(error, "asking for the topics") from error
    finally:
        consumer.close()


def _records(consumer: Consumer, name: str, known: Any) -> int:
    total = 0
    for partition in known[name].partitions:
        marks = consumer.get_watermark_offsets(TopicPartition(name, partition), timeout=_SECONDS)
        total += marks[1] - marks[0]
    return total
