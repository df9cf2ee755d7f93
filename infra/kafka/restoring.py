"""Whether a back-up is being restored into a cluster: a mark that every process sees at its start.

The mark is a setting of the journal's topic, since a topic carries no other label: it is there from
the moment the topic is, goes with it, and takes no right that a restore does not need anyway. The
setting is of compacted topics alone; on the journal, which keeps everything, it does nothing.
"""

from __future__ import annotations

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    ConfigResource,
    ResourceType,
)

from runfold.events.topics import EVENTS, TOPICS
from runfold.infra.kafka.clients import Admin

SETTING = "delete.retention.ms"
VALUE = "86412345"
"""No value that anybody would set."""

_ANSWER_S = 10.0


def unfinished(admin: Admin) -> str:
    """Return a sentence where a restore has begun and not finished; "" where none has.

    What cannot be seen, for want of the right to or of the topic, counts as none.
    """
    asked = [ConfigResource(ResourceType.TOPIC, EVENTS)]
    try:
        if EVENTS not in admin.list_topics(timeout=_ANSWER_S).topics:
            return ""
        (future,) = admin.describe_configs(asked, request_timeout=_ANSWER_S).values()
        entry = future.result().get(SETTING)
    except KafkaException:
        return ""
    if entry is None or entry.value != VALUE:
        return ""
    return (
        "A back-up is being restored into this cluster, or its restore did not finish: no process "
        "starts on half of it. Wait for `runfold restore` to end; where it has failed, delete "
        f"Runfold's topics ({admin.naming.full(TOPICS[0].name)} and the others of docs/topics.md), "
        "its tables, and the artifacts, or the whole home, and restore again."
    )
