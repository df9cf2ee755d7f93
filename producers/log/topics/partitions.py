"""How many partitions the topics of this deployment have."""

from __future__ import annotations

from collections.abc import Mapping

from runfold.infra.settings.config import Config, ConfigError
from runfold.producers.errors import RefusedError, UnavailableError
from runfold.producers.log.kafka_tail import KafkaEnds


def partition_count(kafka: Mapping[str, str], topic: str) -> int:
    """Return a topic's number of partitions; raises UnavailableError where nobody knows it."""
    try:
        return len(KafkaEnds(kafka).places(topic))
    except RefusedError as error:
        raise UnavailableError(
            f"there is no topic {topic}: create the topics with `runfold up`"
        ) from error


def deployed_partitions(config: Config, topic: str) -> int:
    """Return how many partitions are configured, or else those that a topic by run has.

    Raises ConfigError where neither is known.
    """
    try:
        return config.partitions or partition_count(config.kafka, topic)
    except UnavailableError as error:
        raise ConfigError(str(error)) from error
