"""How many partitions the topics of this deployment have."""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka import KafkaException

from runfold.infra.settings.config import Config, ConfigError
from runfold.producers.errors import UnavailableError
from runfold.producers.log.kafka_tail import admin_of

_WAIT_S = 15.0


def partition_count(kafka: Mapping[str, str], topic: str) -> int:
    """Return a topic's number of partitions; raises UnavailableError where nobody knows it."""
    try:
        known = admin_of(kafka).list_topics(topic, timeout=_WAIT_S)
    except KafkaException as error:
        raise UnavailableError(f"Kafka does not answer: {error.args[0].str()}") from error
    count = len(known.topics[topic].partitions)
    if not count:
        raise UnavailableError(f"there is no topic {topic}: create the topics with `runfold up`")
    return count


def deployed_partitions(config: Config, topic: str) -> int:
    """Return how many partitions are configured, or else those that a topic by run has.

    Raises ConfigError where neither is known.
    """
    try:
        return config.partitions or partition_count(config.kafka, topic)
    except UnavailableError as error:
        raise ConfigError(str(error)) from error
