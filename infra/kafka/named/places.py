"""Places and topics in the words of one deployment, and in those of the brokers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from confluent_kafka import KafkaError, Message, TopicPartition

from runfold.infra.deployment.naming import Naming


class _Answered(TopicPartition):
    """An answer of the brokers: a client alone can note an error at a place."""

    error: KafkaError | None = None


def full(naming: Naming, place: TopicPartition) -> TopicPartition:
    """Return the place as brokers call it."""
    return TopicPartition(naming.full(place.topic), place.partition, **_rest(place))


def all_full(naming: Naming, places: Iterable[TopicPartition]) -> list[TopicPartition]:
    """Return the places as brokers call them."""
    return [full(naming, place) for place in places]


def plain(naming: Naming, place: TopicPartition) -> TopicPartition:
    """Return a place of an answer as the deployment calls it, with its error."""
    found = _Answered(naming.plain(place.topic), place.partition, **_rest(place))
    found.error = place.error
    return found


def all_plain(naming: Naming, places: Iterable[TopicPartition]) -> list[TopicPartition]:
    """Return the places of an answer as the deployment calls them."""
    return [plain(naming, place) for place in places]


def plain_message(naming: Naming, message: Message) -> Message:
    """Return a record, its topic as the deployment calls it from now on."""
    if (topic := message.topic()) is not None:
        message.set_topic(naming.plain(topic))  # type: ignore[attr-defined]
    return message


def asked_topics(naming: Naming, topic: str | None) -> dict[str, Any]:
    """Return what ``list_topics`` is asked for: one topic, or all."""
    return {} if topic is None else {"topic": naming.full(topic)}


def plain_topics(naming: Naming, known: Any) -> Any:
    """Return what ``list_topics`` says, with the deployment's own topics alone."""
    own = {naming.plain(name): topic for name, topic in known.topics.items() if naming.holds(name)}
    for name, topic in own.items():
        topic.topic = name
    known.topics = own
    return known


def _rest(place: TopicPartition) -> dict[str, Any]:
    # The client takes no None, and an epoch below 0 stands for none.
    found: dict[str, Any] = {"offset": place.offset}
    if place.metadata is not None:
        found["metadata"] = place.metadata
    epoch: int | None = place.leader_epoch
    if epoch is not None and epoch >= 0:
        found["leader_epoch"] = epoch
    return found
