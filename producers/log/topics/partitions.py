"""How many partitions the topics of this deployment have."""

from __future__ import annotations

from runfold.infra.kafka.errors import KafkaAwayError
from runfold.infra.settings.config import Config, ConfigError
from runfold.producers.errors import RefusedError, UnavailableError
from runfold.producers.log.kafka_tail import KafkaEnds


def deployed_partitions(config: Config, topic: str) -> int:
    """Return how many partitions are configured, or else those that a topic by run has.

    Raises ConfigError where the topic is missing, and KafkaAwayError where nobody can say.
    """
    if config.partitions:
        return config.partitions
    try:
        return len(KafkaEnds(config.kafka).places(topic))
    except RefusedError as error:
        raise ConfigError(
            f"there is no topic {topic}: create the topics with `runfold up`"
        ) from error
    except UnavailableError as error:
        raise KafkaAwayError(str(error)) from error
