"""Whether topics have the partitions that this deployment began with, now and while it runs.

A key's place follows from the number of partitions. Where a topic is given more of them, part of
what is sent goes to partitions that no lane reads, and the rest of a run's inputs with it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from confluent_kafka import KafkaException

from runfold.events.topics import TOPICS
from runfold.infra.kafka.errors import KafkaUnfitError
from runfold.infra.kafka.hearing import Hearing, client_of
from runfold.infra.process.looking import Looking

_log = logging.getLogger("runfold.partitions")

_ANSWER_S = 10.0
_EVERY_S = 5.0


def meant(partitions: int) -> dict[str, int]:
    """Return how many partitions each topic of a deployment has."""
    return {topic.name: partitions if topic.by_run else 1 for topic in TOPICS}


def wrong_counts(found: Mapping[str, int], meant: Mapping[str, int]) -> list[str]:
    """Say which topics have another number of partitions; ``found`` are those that are there."""
    return [
        _sentence(name, found[name], count)
        for name, count in meant.items()
        if found.get(name, count) != count
    ]


def need_counts(kafka: Mapping[str, object], partitions: int) -> None:
    """Raise KafkaUnfitError for topics of other counts; what cannot be seen is let pass."""
    try:
        said = wrong_counts(counts(kafka), meant(partitions))
    except KafkaException as error:
        _log.warning("the partitions of topics are not checked: %s", error)
        return
    if said:
        raise KafkaUnfitError(" ".join(said))


def counts(kafka: Mapping[str, object]) -> dict[str, int]:
    """Return how many partitions each topic has; raises KafkaException without an answer."""
    known = client_of(kafka, Hearing()).list_topics(timeout=_ANSWER_S).topics
    return {name: len(topic.partitions) for name, topic in known.items() if topic.partitions}


class CountWatch(Looking):
    """Calls ``changed``, once, with a sentence, when a topic has another number of partitions."""

    def __init__(
        self,
        kafka: Mapping[str, object],
        partitions: int,
        changed: Callable[[str], None],
        every_s: float = _EVERY_S,
    ) -> None:
        super().__init__("count-watch", every_s, KafkaException, KafkaUnfitError)
        self._kafka = kafka
        self._meant = meant(partitions)
        self._changed = changed

    def look(self) -> bool:
        """Count; return whether something was said."""
        said = wrong_counts(counts(self._kafka), self._meant)
        if said:
            self._changed(" ".join(said))
        return bool(said)


def _sentence(topic: str, count: int, meant: int) -> str:
    if count > meant > 1:
        return (
            f"The topic {topic} has {count} partitions and this deployment {meant}: what is sent "
            f"to the partitions {meant} to {count - 1} is read by nobody, and Kafka cannot take "
            "them away. Stop everything; where it is an input topic, `python -m "
            "runfold.stack.prepare --remake` makes it again without losing a record "
            '(docs/operations.md, "Other partitions"). Set RUNFOLD_PARTITIONS only where this '
            "deployment began with another number."
        )
    return (
        f"The topic {topic} has {count} partitions and must have {meant}: set RUNFOLD_PARTITIONS "
        "to what this deployment began with."
    )
