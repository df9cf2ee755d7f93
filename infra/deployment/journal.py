"""What the journal's topic says of its deployment: the mark of the database that belongs to it.

The mark is a setting of the topic, as that of a restore is (``infra.kafka.restoring``): it can be
given at the moment the topic is made, so of two that make it one is first; it goes with the topic;
and to see it takes no right that a process does not have anyway. The setting is of compacted topics
alone. On the journal, which keeps everything, it does nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    ResourceType,
)

from runfold.events.topics import EVENTS
from runfold.infra.deployment.identity import AnotherDeploymentError, Journal, no_topics
from runfold.infra.deployment.naming import deployment_with, naming_of
from runfold.infra.kafka.clients import Admin
from runfold.infra.kafka.hearing import Hearing, client_of

SETTING = "min.compaction.lag.ms"

_ANSWER_S = 10.0
_SEEN_S = 10.0
_PAUSE_S = 0.05


def journal_of(kafka: Mapping[str, object]) -> Journal | None:
    """Return what the topic says, None where it is not there; raises KafkaException."""
    return _found(client_of(kafka, Hearing()))


def need_topics(kafka: Mapping[str, object], tell: Callable[[str], None]) -> None:
    """Raise AnotherDeploymentError where others have topics on this cluster, and this one none.

    ``tell`` hears where that cannot be seen.
    """
    try:
        there, here = journals(kafka), naming_of(kafka).deployment
    except KafkaException as error:
        tell(f"which deployments this Kafka has cannot be seen: {error.args[0].str()}")
        return
    if there and here not in there:
        raise AnotherDeploymentError(no_topics(here, there))


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


def journals(kafka: Mapping[str, object]) -> dict[str, str]:
    """Return the name of each deployment whose journal is on the cluster, and the journal's id.

    Those alone that may be seen; raises KafkaException.
    """
    admin = client_of(kafka, Hearing())
    there = {
        full: owner
        for full in admin.topics_of_all(EVENTS, _ANSWER_S)
        if (owner := deployment_with(full, EVENTS)) is not None
    }
    if not there:
        return {}
    asked = admin.describe_full(there, _ANSWER_S)
    found = {}
    for full, future in asked.items():
        with suppress(KafkaException):
            found[there[full]] = str(future.result().topic_id)
    return found


def _found(admin: Admin) -> Journal | None:
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
