"""Brokers, topics and their settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from runfold.events.topics import EVENTS, TOPICS, Topic
from runfold.processors.engine.spec import AggregateSpec
from runfold.processors.run.aggregate import RUNS
from runfold.surfaces.doctor.deployment import Deployment
from runfold.surfaces.doctor.finding import Finding, ok, warning, wrong
from runfold.surfaces.doctor.kafka import Cluster

AGGREGATES: tuple[AggregateSpec[Any], ...] = (RUNS,)
"""The kinds of aggregates that run here."""

_MAKE = "make them with `python -m runfold.stack.prepare` (`runfold up` does)"


def check(deployment: Deployment) -> Iterator[Finding]:
    """Find missing brokers and copies, missing topics, and settings that are not as declared."""
    cluster = deployment.log.cluster()
    yield ok("broker", f"{cluster.brokers} of Kafka's brokers answer")
    missing = [topic.name for topic in TOPICS if topic.name not in cluster.topics]
    if missing:
        yield wrong("topics", f"missing: {', '.join(missing)}", _MAKE)
    there = [topic for topic in TOPICS if topic.name in cluster.topics]
    faults = [
        *sent_to(cluster, AGGREGATES),
        *_counts(cluster, there),
        *_copies(cluster, there),
        *_settings(deployment, there),
    ]
    yield from faults
    if not missing and not faults:
        yield ok("topics", f"{len(there)} topics are there, whole and set as declared")


def sent_to(cluster: Cluster, aggregates: Iterable[AggregateSpec[Any]]) -> Iterator[Finding]:
    """Find topics that an aggregate sends messages to, and that are not there.

    What Runfold declares itself is checked as such. Nothing else about messages can be behind: they
    are in the transaction of their event, and who does not take them shows under ``lanes``.
    """
    declared = {topic.name for topic in TOPICS}
    for spec in aggregates:
        for topic in spec.sends_to:
            if topic not in cluster.topics and topic not in declared:
                yield wrong(
                    "topics",
                    f"{topic} is missing, and {spec.name} sends messages to it",
                    "make it, with the partitions that its receivers own",
                )


def _counts(cluster: Cluster, topics: list[Topic]) -> Iterator[Finding]:
    lanes = len(cluster.topics.get(EVENTS, {}))
    for topic in topics:
        count = len(cluster.topics[topic.name])
        meant = lanes if topic.by_run else 1
        if count != meant:
            yield wrong(
                "topics",
                f"{topic.name} has {count} partitions and {EVENTS} has {lanes}",
                "partitions cannot be taken away and keys must keep their place: move to a "
                "deployment with one partition count, set by RUNFOLD_PARTITIONS",
            )


def _copies(cluster: Cluster, topics: list[Topic]) -> Iterator[Finding]:
    for topic in topics:
        for number, each in cluster.topics[topic.name].items():
            if each.leader < 0:
                yield wrong(
                    "topics", f"{topic.name}/{number} has no leader", "bring the brokers back"
                )
            elif each.in_sync < each.replicas:
                yield warning(
                    "topics",
                    f"{topic.name}/{number} has {each.in_sync} of {each.replicas} copies in step",
                    "bring the missing broker back before another is lost",
                )


def _settings(deployment: Deployment, topics: list[Topic]) -> Iterator[Finding]:
    found = deployment.log.settings_of(topic.name for topic in topics)
    for topic in topics:
        for name, meant in topic.config.items():
            value = found[topic.name].get(name)
            if value != meant:
                yield wrong(
                    "topics",
                    f"{topic.name} has {name}={value}, it must be {meant}",
                    f"kafka-configs --alter --entity-type topics --entity-name {topic.name} "
                    f"--add-config {name}={meant}",
                )
