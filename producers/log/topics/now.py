"""What places of the log are now, to hold remembered positions against."""

from __future__ import annotations

from collections.abc import Collection

from runfold.producers.log.consumers import Settings
from runfold.producers.log.kafka_tail import KafkaEnds
from runfold.producers.log.tail import Place
from runfold.producers.log.topics.remembered import Now
from runfold.producers.log.topics.topic_ids import topic_ids


def now_of(
    kafka: Settings, places: Collection[Place], ends: KafkaEnds | None = None, wait_s: float = 10.0
) -> dict[Place, Now]:
    """Return the topic's id, the beginning and the end of each place; raises LogError."""
    ends, asked = ends or KafkaEnds(kafka), list(places)
    ids = topic_ids(kafka, {topic for topic, _ in asked}) if asked else {}
    low, high = ends.low(asked, wait_s), ends.high(asked, wait_s)
    return {place: Now(ids[place[0]], low[place], high[place]) for place in asked}
