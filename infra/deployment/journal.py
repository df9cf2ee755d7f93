"""What the journal's topic says of its deployment: the mark of the database that belongs to it.

The mark is a setting of the topic, as that of a restore is (``infra.kafka.restoring``): it can be
given at the moment the topic is made, so of two that make it one is first; it goes with the topic;
and to see it takes no right that a process does not have anyway. The setting is of compacted topics
alone. On the journal, which keeps everything, it does nothing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    ResourceType,
)

from runfold.events.topics import EVENTS
from runfold.infra.deployment.identity import Journal
from runfold.infra.kafka.hearing import Hearing, client_of

SETTING = "min.compaction.lag.ms"

_ANSWER_S = 10.0
_SEEN_S = 10.0
_PAUSE_S = 0.05


def journal_of(kafka: Mapping[str, object]) -> Journal | None:
    """Return what the topic says, None where it is not there; raises KafkaException."""
    return _found(client_of(kafka, Hearing()))


def put_mark(kafka: Mapping[str, object], mark: str, former: str) -> Journal | None:
    """Mark the topic, which had ``former``, and return what is on it when the change is seen.

    That is another mark where somebody else put theirs at the same moment. Raises KafkaException
    where the cluster does not let us.
    """
    admin = client_of(kafka, Hearing())
    entry = ConfigEntry(SETTING, mark, incremental_operation=AlterConfigOpType.SET)
    change = ConfigResource(ResourceType.TOPIC, EVENTS, incremental_configs=[entry])
    for future in admin.incremental_alter_configs([change], request_timeout=_ANSWER_S).values():
        future.result()
    # Brokers hear of it a moment after the controller has it.
    until, found = time.monotonic() + _SEEN_S, _found(admin)
    while time.monotonic() < until:
        found = _found(admin)
        if found is None or found.mark not in ("", former):
            break
        time.sleep(_PAUSE_S)
    return found


def _found(admin: AdminClient) -> Journal | None:
    names = TopicCollection([EVENTS])
    (asked,) = admin.describe_topics(names, request_timeout=_ANSWER_S).values()
    try:
        topic_id = str(asked.result().topic_id)
    except KafkaException as error:
        # A topic that we may not see is refused in another way.
        if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return None
        raise
    wanted = [ConfigResource(ResourceType.TOPIC, EVENTS)]
    (told,) = admin.describe_configs(wanted, request_timeout=_ANSWER_S).values()
    entry = told.result().get(SETTING)
    own = entry is not None and entry.source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value
    return Journal(topic_id, str(entry.value) if own else "")
