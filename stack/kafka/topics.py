"""Making sure that the topics exist as they are meant to."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Protocol

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]
from confluent_kafka.cimpl import NewTopic

from runfold.infra.kafka import clients
from runfold.infra.kafka.clients import Admin
from runfold.infra.kafka.counts import wrong_counts
from runfold.stack.errors import StackError
from runfold.stack.kafka.settings import ensure_settings

_SECONDS = 20.0
_OF_THE_BROKER = -1
_NOTHING: Mapping[str, Mapping[str, str]] = {}
_NO_RIGHT = (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED)
_NOT_SO = (
    KafkaError.POLICY_VIOLATION,
    KafkaError.INVALID_CONFIG,
    KafkaError.INVALID_REPLICATION_FACTOR,
)


class TopicSpec(Protocol):
    """A topic as the vocabulary declares it."""

    @property
    def name(self) -> str:
        """Its name for good."""

    @property
    def by_run(self) -> bool:
        """Whether it has as many partitions as there are lanes; else it has one."""

    @property
    def config(self) -> Mapping[str, str]:
        """Its settings on the broker."""


def ensure_topics(
    config: Mapping[str, str | int | float],
    specs: Iterable[TopicSpec],
    partitions: int,
    *,
    mend: bool = False,
    report: Callable[[str], None] = lambda _: None,
    born: Mapping[str, Mapping[str, str]] = _NOTHING,
) -> tuple[str, ...]:
    """Create the topics that are missing and return their names; those that exist stay.

    ``born`` are further settings by topic, which one has from its first moment if it is made here.

    Raises StackError where a topic has another number of partitions, since keys would lose
    their place, where a setting breaks a guarantee (``mend`` sets it instead), or where the cluster
    does not let us. Other settings that differ are reported.
    """
    admin = clients.admin({**config, "log_level": 0})
    wanted = {spec.name: spec for spec in specs}
    counts = {name: partitions if spec.by_run else 1 for name, spec in wanted.items()}
    try:
        there = admin.list_topics(timeout=_SECONDS).topics
    except KafkaException as error:
        raise StackError(
            f"Kafka at {config.get('bootstrap.servers')} does not answer ({_text(error)}): "
            "check KAFKA_BOOTSTRAP_SERVERS, or start it with `runfold up`."
        ) from error
    found = {name: len(topic.partitions) for name, topic in there.items() if name in counts}
    if wrong := wrong_counts(found, counts):
        raise StackError(wrong[0])
    missing = [name for name in wanted if name not in there]
    _create(admin, missing, counts, wanted, born)
    _wait_for_leaders(config, missing, counts)
    differing = ensure_settings(
        admin,
        {name: spec.config for name, spec in wanted.items()},
        _copies(admin),
        list(wanted) if mend else missing,
    )
    for fault in differing:
        report(f"{fault.sentence()}. Set it: {fault.command()}.")
    return tuple(missing)


def _copies(admin: Admin) -> defaultdict[str, int]:
    """Return how many copies each topic has."""
    try:
        there = admin.list_topics(timeout=_SECONDS).topics
    except KafkaException as error:
        raise StackError(f"Kafka does not answer ({_text(error)}).") from error
    found = defaultdict[str, int](lambda: 1)
    for name, topic in there.items():
        found[name] = min((len(each.replicas) for each in topic.partitions.values()), default=1)
    return found


def _create(
    admin: Admin,
    names: list[str],
    counts: Mapping[str, int],
    specs: Mapping[str, TopicSpec],
    born: Mapping[str, Mapping[str, str]],
) -> None:
    if not names:
        return
    new = [
        NewTopic(
            name,
            num_partitions=counts[name],
            replication_factor=_OF_THE_BROKER,
            config={**specs[name].config, **born.get(name, {})},
        )
        for name in names
    ]
    for name, future in admin.create_topics(new, operation_timeout=_SECONDS).items():
        try:
            future.result()
        except KafkaException as error:
            if name in born and error.args[0].code() in _NOT_SO:
                # Brokers bound what the topic was to be born with: it is said later what it lacks.
                _create(admin, [name], counts, specs, {})
            # Somebody else was first.
            elif error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise StackError(_why_not(admin.naming.full(name), error)) from error


def _why_not(name: str, error: KafkaException) -> str:
    """Return why a topic cannot be created, and what helps."""
    code, said = error.args[0].code(), _text(error)
    if code in _NO_RIGHT:
        return (
            f"Topic {name} cannot be created: whoever runs this has no right to ({said}). Grant "
            f"CREATE on the cluster or on the topic (kafka-acls --operation Create --topic {name}),"
            " or have somebody create it as docs/topics.md says."
        )
    if code in _NOT_SO:
        return (
            f"Topic {name} cannot be created with the settings that it needs ({said}): lift that "
            "bound at the brokers; docs/topics.md lists the settings, and some hosts set bounds "
            "on max.message.bytes or on the number of copies."
        )
    return f"Topic {name} cannot be created: {said}."


def _wait_for_leaders(
    config: Mapping[str, str | int | float], names: list[str], counts: Mapping[str, int]
) -> None:
    # A topic is created some milliseconds before its leaders know that they lead.
    wanted = {
        TopicPartition(name, number): OffsetSpec.latest()  # type: ignore[no-untyped-call]
        for name in names
        for number in range(counts[name])
    }
    until = time.monotonic() + _SECONDS
    while wanted:
        # A client may hold on to the leaders that a deleted topic of that name had.
        admin = clients.admin({**config, "log_level": 0})
        # A client that is asked for offsets before it has read who leads may wait three seconds.
        with suppress(KafkaException):
            admin.list_topics(timeout=_SECONDS)
        for place, future in admin.list_offsets(dict(wanted)).items():
            try:
                future.result()
            except KafkaException as error:
                if time.monotonic() > until:
                    raise StackError(
                        f"Topic {place.topic} has no leader ({_text(error)}): "
                        "see whether every broker of the cluster is up."
                    ) from error
            else:
                del wanted[place]
        if wanted:
            time.sleep(0.05)


def _text(error: KafkaException) -> str:
    return str(error.args[0].str()) if error.args else str(error)
