"""A copy of a round's database, put in its place later; and a pool's work handed out once more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from psycopg import sql

from runfold.events.calls import kinds

_HAS_MEMBERS = (KafkaError.UNKNOWN_MEMBER_ID, KafkaError.NON_EMPTY_GROUP)


def take(url: str) -> None:
    """Copy the database; connections to it end, and none is let in before the copy is made."""
    name, copy = _names(url)
    with _alone(url, name) as admin:
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(copy))
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(copy, name))


def restore(url: str) -> None:
    """Put the copy in the place of the database."""
    name, copy = _names(url)
    with _alone(url, name) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
        admin.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(copy, name))


def forget(url: str) -> None:
    """Drop a copy that nobody needed."""
    _, copy = _names(url)
    with _admin(url) as admin:
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(copy))


def hand_out_from_the_beginning(kafka: Mapping[str, str | int | float]) -> bool:
    """Set what the group of tool pools remembers to the beginning; False while it has members.

    A pool that has ended is a member until its session is over, so that it may come back.
    """
    admin = AdminClient({**kafka, "log_level": 0})
    kind = kinds.TOOL
    count = len(admin.list_topics(kind.topic, timeout=10).topics[kind.topic].partitions)
    places = [TopicPartition(kind.topic, number, 0) for number in range(count)]
    asked = admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(kind.group, places)])
    try:
        done = [future.result() for future in asked.values()]
    except KafkaException as error:
        if error.args[0].code() in _HAS_MEMBERS:
            return False
        raise
    return not any(place.error for one in done for place in one.topic_partitions or ())


def _names(url: str) -> tuple[sql.Identifier, sql.Identifier]:
    name = urlsplit(url).path.lstrip("/")
    return sql.Identifier(name), sql.Identifier(f"{name}_copy")


@contextmanager
def _admin(url: str) -> Iterator[psycopg.Connection]:
    server = urlsplit(url)._replace(path="/postgres").geturl()
    with psycopg.connect(server, autocommit=True) as admin:
        yield admin


@contextmanager
def _alone(url: str, name: sql.Identifier) -> Iterator[psycopg.Connection]:
    """Keep everybody out of a database while the block lasts."""
    with _admin(url) as admin:
        admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
        try:
            admin.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s",
                (name.as_string().strip('"'),),
            )
            yield admin
        finally:
            admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))
