"""Questions to a cluster, and changes of it, by one deployment.

Not a subclass of Kafka's own client: what speaks of a topic or group and is not here cannot be
called, so nothing is asked or changed under a name that was not turned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import (
    ConsumerGroupState,
    ConsumerGroupTopicPartitions,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ClusterMetadata,
    ConfigResource,
    OffsetSpec,
    ResourceType,
)
from confluent_kafka.cimpl import NewTopic

from runfold.infra.deployment.naming import Naming
from runfold.infra.kafka.named.places import (
    all_full,
    all_plain,
    asked_topics,
    full,
    plain_topics,
)

Answers = dict[Any, Future[Any]]


class Admin:
    """Takes and gives plain names; each answer is a future, as of confluent-kafka's client."""

    def __init__(self, naming: Naming, settings: Mapping[str, Any]) -> None:
        self.naming = naming
        self._client = AdminClient(dict(settings))

    def poll(self, timeout: float = -1) -> int:
        """Let the client say what it has to say."""
        return self._client.poll(timeout)

    def list_topics(self, topic: str | None = None, timeout: float = -1) -> ClusterMetadata:
        """Return brokers and the deployment's topics; without a name, all that there are."""
        found = self._client.list_topics(**asked_topics(self.naming, topic), timeout=timeout)
        known: ClusterMetadata = plain_topics(self.naming, found)
        return known

    def topics_of_all(self, plain: str, timeout: float) -> list[str]:
        """Return the full names of every deployment's topic of this plain name."""
        topics = self._client.list_topics(timeout=timeout).topics
        return [name for name in topics if name == plain or name.endswith(f".{plain}")]

    def describe_full(self, full_names: Iterable[str], timeout: float) -> dict[str, Future[Any]]:
        """Return descriptions of topics by their full names, whosever they are."""
        names = TopicCollection(list(full_names))
        return dict(self._client.describe_topics(names, request_timeout=timeout))

    def describe_topics(self, topics: TopicCollection, **given: Any) -> Answers:
        """Describe topics, by name."""
        names = list(topics.topic_names)
        wanted = TopicCollection([self.naming.full(name) for name in names])
        found = self._client.describe_topics(wanted, **given)
        return {name: found[self.naming.full(name)] for name in names}

    def create_topics(self, topics: Iterable[NewTopic], **given: Any) -> Answers:
        """Create topics, by name."""
        wanted = [
            NewTopic(
                self.naming.full(each.topic),
                num_partitions=each.num_partitions,
                replication_factor=each.replication_factor,
                config=each.config,
            )
            for each in topics
        ]
        return self._by_plain(self._client.create_topics(wanted, **given))

    def delete_topics(self, topics: Iterable[str], **given: Any) -> Answers:
        """Delete topics, by name."""
        names = [self.naming.full(name) for name in topics]
        return self._by_plain(self._client.delete_topics(names, **given))

    def describe_configs(self, resources: Iterable[ConfigResource], **given: Any) -> Answers:
        """Return settings, by the resources that were asked for."""
        asked = {self._key(each): each for each in resources}
        found = self._client.describe_configs([self._resource(e) for e in asked.values()], **given)
        return {asked[each.restype, each.name]: future for each, future in found.items()}

    def incremental_alter_configs(
        self, resources: Iterable[ConfigResource], **given: Any
    ) -> Answers:
        """Change settings, by the resources that were given."""
        asked = {self._key(each): each for each in resources}
        wanted = [self._resource(each) for each in asked.values()]
        found = self._client.incremental_alter_configs(wanted, **given)
        return {asked[each.restype, each.name]: future for each, future in found.items()}

    def delete_records(self, places: Iterable[TopicPartition], **given: Any) -> Answers:
        """Delete records before offsets; the answers are in the order of the places."""
        asked = list(places)
        found = self._client.delete_records(all_full(self.naming, asked), **given)
        return {each: found[full(self.naming, each)] for each in asked}

    def list_offsets(self, asked: Mapping[TopicPartition, OffsetSpec], **given: Any) -> Answers:
        """Return offsets, by the places that were asked for."""
        wanted = {full(self.naming, place): which for place, which in asked.items()}
        found = self._client.list_offsets(wanted, **given)
        return {place: found[full(self.naming, place)] for place in asked}

    def groups(self, timeout: float) -> dict[str, ConsumerGroupState]:
        """Return the states of the deployment's groups, as far as they may be seen, by name."""
        found = self._client.list_consumer_groups(request_timeout=timeout).result().valid
        return {
            self.naming.plain(each.group_id): each.state
            for each in found
            if self.naming.holds(each.group_id)
        }

    def describe_consumer_groups(self, groups: Iterable[str], **given: Any) -> Answers:
        """Describe groups, by name."""
        names = [self.naming.full(name) for name in groups]
        return self._by_plain(self._client.describe_consumer_groups(names, **given))

    def list_consumer_group_offsets(
        self, groups: Iterable[ConsumerGroupTopicPartitions], **given: Any
    ) -> Answers:
        """Return all that a group has committed, by name; one group at a time."""
        wanted = [ConsumerGroupTopicPartitions(self.naming.full(e.group_id)) for e in groups]
        found = self._client.list_consumer_group_offsets(wanted, **given)
        return self._by_plain({name: _then(each, self._offsets) for name, each in found.items()})

    def _offsets(self, found: ConsumerGroupTopicPartitions) -> ConsumerGroupTopicPartitions:
        # A group of ours has positions in our own topics; what else somebody put there is not ours.
        places = [each for each in found.topic_partitions or () if self.naming.holds(each.topic)]
        group = self.naming.plain(found.group_id)
        return ConsumerGroupTopicPartitions(group, all_plain(self.naming, places))

    def _by_plain(self, found: Mapping[str, Future[Any]]) -> Answers:
        return {self.naming.plain(name): future for name, future in found.items()}

    def _key(self, resource: ConfigResource) -> tuple[ResourceType, str]:
        wanted = self._resource(resource)
        return wanted.restype, wanted.name

    def _resource(self, resource: ConfigResource) -> ConfigResource:
        if resource.restype is not ResourceType.TOPIC:
            return resource
        changes = resource.incremental_configs or None
        name = self.naming.full(resource.name)
        return ConfigResource(resource.restype, name, incremental_configs=changes)


def _then(future: Future[Any], turn: Callable[[Any], Any]) -> Future[Any]:
    """Return a future that has the turned answer of another."""
    turned: Future[Any] = Future()

    def answered(done: Future[Any]) -> None:
        if (error := done.exception()) is not None:
            turned.set_exception(error)
        else:
            turned.set_result(turn(done.result()))

    future.add_done_callback(answered)
    return turned
