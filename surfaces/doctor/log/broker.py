"""Brokers, topics and their settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from runfold.events.topic_settings import faults
from runfold.events.topics import EVENTS, KEPT_WHOLE, TOPICS, Topic
from runfold.infra.deployment.naming import naming_of
from runfold.infra.kafka.counts import meant, wrong_counts
from runfold.infra.kafka.entering import Entered, enter
from runfold.infra.kafka.preflight import problems
from runfold.infra.kafka.rights import CLI, RUN_BY_UP
from runfold.processors.engine.spec import AggregateSpec
from runfold.processors.run.aggregate import RUNS
from runfold.processors.tenant.aggregate import TENANTS
from runfold.producers.log.topics.beginnings import LOST_TODO, lost, lost_starts
from runfold.surfaces.doctor.deployment import Deployment
from runfold.surfaces.doctor.finding import Finding, note, ok, warning, wrong
from runfold.surfaces.doctor.log.kafka import Cluster

AGGREGATES: tuple[AggregateSpec[Any], ...] = (RUNS, TENANTS)
"""The kinds of aggregates that run here."""

_GRANT = "docs/secured.md lists what each process needs"
_MAKE = "make them with `python -m runfold.stack.prepare` (`runfold up` does)"


def check(deployment: Deployment) -> Iterator[Finding]:
    """Find missing brokers and copies, missing topics, and settings that are not as declared."""
    entered = enter(deployment.kafka)
    cluster = deployment.log.cluster()
    yield ok("broker", f"{cluster.brokers} of Kafka's brokers answer")
    if (naming := naming_of(deployment.kafka)).deployment:
        yield note(
            "name",
            f"this is the {naming.said}: its journal is the topic {naming.full(EVENTS)}",
        )
    for said in entered.unreached:
        yield warning("broker", said, "bring that broker back, or correct what it advertises")
    yield from _rights(deployment, entered)
    missing = [topic.name for topic in TOPICS if topic.name not in cluster.topics]
    if missing:
        yield wrong("topics", f"missing: {', '.join(missing)}", _MAKE)
    there = [topic for topic in TOPICS if topic.name in cluster.topics]
    found = [
        *sent_to(cluster, AGGREGATES),
        *_counts(deployment, cluster, there),
        *_copies(cluster, there),
        *_settings(deployment, cluster, there),
        *_starts(deployment, cluster),
    ]
    yield from found
    if not missing and not found:
        yield ok("topics", f"{len(there)} topics are there, whole and set as declared")


def _rights(deployment: Deployment, entered: Entered) -> Iterator[Finding]:
    """Find what the brokers do not allow, or not enough of."""
    for said in problems(entered, deployment.kafka, [CLI]):
        yield wrong("rights", said, _GRANT)
    for said in problems(entered, deployment.kafka, RUN_BY_UP):
        # Elsewhere the processes may well be other users than who asks here.
        if deployment.known is not None:
            yield wrong("rights", said, _GRANT)
        else:
            yield note("rights", f"as who asks here: {said}", _GRANT)


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


def _counts(deployment: Deployment, cluster: Cluster, topics: list[Topic]) -> Iterator[Finding]:
    begun_with = deployment.known.partitions if deployment.known else 0
    lanes = begun_with or len(cluster.topics.get(EVENTS, {}))
    found = {topic.name: len(cluster.topics[topic.name]) for topic in topics}
    for said in wrong_counts(found, meant(lanes)):
        yield wrong("topics", said, 'docs/operations.md, "Other partitions"')


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


def _settings(deployment: Deployment, cluster: Cluster, topics: list[Topic]) -> Iterator[Finding]:
    found = deployment.log.settings_of(topic.name for topic in topics)
    naming = naming_of(deployment.kafka)
    for topic in topics:
        copies = min((each.replicas for each in cluster.topics[topic.name].values()), default=1)
        name = naming.full(topic.name)
        for fault in faults(name, topic.config, found[topic.name], copies):
            say = wrong if fault.breaks else warning
            yield say("topics", fault.sentence(), fault.command())


def _starts(deployment: Deployment, cluster: Cluster) -> Iterator[Finding]:
    """Find topics that are kept for good and have lost their beginning."""
    kept = [topic.name for topic in TOPICS if topic.name in KEPT_WHOLE]
    places = [(name, number) for name in kept for number in cluster.topics.get(name, {})]
    for (topic, number), low in lost_starts(deployment.kafka, places).items():
        yield wrong("topics", lost(topic, number, low), LOST_TODO)
