"""Topics: what is on the log. An operator's question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaException

from runfold.events.topics import TOPICS
from runfold.infra.deployment.naming import naming_of
from runfold.producers.errors import translated
from runfold.producers.log.consumers import admin_of
from runfold.producers.log.kafka_tail import KafkaEnds

_SECONDS = 10.0


def list_topics(kafka: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return every topic's name, purpose, partitions, and how many offsets are kept.

    Marks of transactions take offsets too, and so does what was aborted or compacted away: there
    are at most as many records. ``kafka`` is what every Kafka client begins with. A name is the
    one that brokers have, with that of the deployment.
    """
    naming = naming_of(kafka)
    try:
        known = admin_of(kafka).list_topics(timeout=_SECONDS).topics
    except KafkaException as error:
        raise translated(error, "asking for the topics") from error
    counts = {t.name: len(known[t.name].partitions) for t in TOPICS if t.name in known}
    places = [(name, number) for name, count in counts.items() for number in range(count)]
    found = KafkaEnds(kafka).all(places)
    return [
        {
            "topic": naming.full(topic.name),
            "partitions": counts.get(topic.name, 0),
            "offsets": sum(
                end.high - end.low for (name, _), end in found.items() if name == topic.name
            ),
            "purpose": topic.purpose,
        }
        for topic in TOPICS
    ]
