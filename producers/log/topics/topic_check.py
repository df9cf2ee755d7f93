"""Whether the topics that are there keep what is promised: when a process starts, and later."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from confluent_kafka import KafkaException
from confluent_kafka.admin import ConfigResource, ResourceType  # type: ignore[attr-defined]

from runfold.events.topic_settings import SettingFault, faults
from runfold.events.topics import KEPT_WHOLE, Topic
from runfold.infra.process.looking import Looking
from runfold.producers.errors import LogError, RefusedError, translated
from runfold.producers.log.consumers import Settings, admin_of
from runfold.producers.log.topics.beginnings import TODO, lost, lost_starts

_log = logging.getLogger(__name__)

_ANSWER_S = 10.0
_EVERY_S = 60.0


def wrong_settings(kafka: Settings, topics: Sequence[Topic]) -> list[SettingFault]:
    """Return what is not as declared at those of the topics that are there, worst first.

    Raises LogError, a RefusedError where the cluster does not let us see.
    """
    admin, found = admin_of(kafka), list[SettingFault]()
    try:
        there = admin.list_topics(timeout=_ANSWER_S).topics
        wanted = {topic.name: topic for topic in topics if topic.name in there}
        asked = admin.describe_configs(
            [ConfigResource(ResourceType.TOPIC, name) for name in wanted], request_timeout=_ANSWER_S
        )
        for resource, future in asked.items():
            values = {name: entry.value for name, entry in future.result().items()}
            name, places = resource.name, there[resource.name].partitions.values()
            copies = min((len(place.replicas) for place in places), default=1)
            found += faults(admin.naming.full(name), wanted[name].config, values, copies)
    except KafkaException as error:
        raise translated(error, "reading the settings of topics") from error
    return sorted(found, key=lambda fault: not fault.breaks)


def need_settings(kafka: Settings, topics: Sequence[Topic]) -> None:
    """Raise RefusedError for a setting that breaks a guarantee; what cannot be seen is let pass."""
    try:
        found = wrong_settings(kafka, topics)
    except LogError as error:
        _log.warning("the settings of topics are not checked: %s", error)
        return
    for fault in found:
        sentence = f"topic {fault.sentence()}. Set it: {fault.command()}."
        if fault.breaks:
            raise RefusedError(f"Runfold does not start: {sentence}")
        _log.warning("%s", sentence)


class TopicWatch(Looking):
    """Says every minute, loudly, which topics no longer keep what is promised."""

    def __init__(self, kafka: Settings, topics: Sequence[Topic], every_s: float = _EVERY_S) -> None:
        super().__init__("topic-watch", every_s, LogError, KafkaException)
        self._kafka = kafka
        self._topics = topics

    def look(self) -> bool:
        """Say what breaks a promise now."""
        for fault in wrong_settings(self._kafka, self._topics):
            if fault.breaks:
                _log.critical("topic %s. Set it: %s", fault.sentence(), fault.command())
        there = admin_of(self._kafka).list_topics(timeout=_ANSWER_S).topics
        places = [
            (name, number)
            for name in (topic.name for topic in self._topics if topic.name in KEPT_WHOLE)
            if name in there
            for number in there[name].partitions
        ]
        for (name, number), low in lost_starts(self._kafka, places).items():
            _log.critical("%s. %s", lost(name, number, low), TODO)
        return False
