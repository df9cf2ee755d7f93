"""A pool goes on from its group's position only if that is of the topic that is there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from runfold.events import topics
from runfold.events.records.operations import DeadLetter
from runfold.processors.effects.pool.settings import TAKE_NEW_WORK
from runfold.processors.tool.kind import TOOL_CALL
from runfold.producers.log.kafka import TopicReader
from runfold.producers.log.topics.topic_ids import topic_ids
from runfold.stack.settings import Settings
from tests.hard.kafka.segments import batches
from tests.support.builders.history import CODEC
from tests.support.stack import wait_until
from tests.system.crash.product import ROOT

pytestmark = pytest.mark.integration

T = topics.TOOL_CALLS
GROUP = TOOL_CALL.call.group


def garbage(name: str, count: int) -> list[bytes]:
    return [f"{name} {number}".encode() for number in range(count)]


def letters(settings: Settings) -> list[DeadLetter]:
    reader = TopicReader(settings.kafka_config(), CODEC)
    found = [each.record for each in reader.read(topics.DEAD_LETTERS)]
    return [each for each in found if isinstance(each, DeadLetter)]


@contextmanager
def group(settings: Settings) -> Iterator[Consumer]:
    with closing(Consumer({**settings.kafka_config(), "group.id": GROUP})) as consumer:
        yield consumer


def committed(settings: Settings) -> TopicPartition:
    with group(settings) as consumer:
        (found,) = consumer.committed([TopicPartition(T, 0)], timeout=10)
        return found


def commit(settings: Settings, offset: int, topic_id: str) -> None:
    with group(settings) as consumer:
        places = [TopicPartition(T, 0, offset, topic_id)]
        consumer.commit(offsets=places, asynchronous=False)


def started(settings: Settings, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "runfold.processors.tool", *options],
        env={**os.environ, **settings.to_env()},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def pool(settings: Settings) -> Iterator[None]:
    process = started(settings)
    try:
        yield
    finally:
        process.terminate()
        process.communicate(timeout=60)


def ended(settings: Settings, *options: str) -> tuple[int, str]:
    process = started(settings, *options)
    out, err = process.communicate(timeout=90)
    return process.returncode, out + err


def test_the_topic_s_id_stands_beside_what_is_committed(settings: Settings) -> None:
    batches(settings, T, 0, garbage("old", 3))
    with pool(settings):
        wait_until(lambda: len(letters(settings)) == 3, 60)
    found = committed(settings)
    assert found.offset == 3
    assert found.metadata == topic_ids(settings.kafka_config(), [T])[T]


@pytest.mark.parametrize(
    ("offset", "topic_id", "why"),
    [(50, "", "it has lost its end"), (2, "another", "of a topic with the id another")],
)
def test_a_position_of_another_topic_stops_the_pool_until_somebody_says_so(
    settings: Settings, offset: int, topic_id: str, why: str
) -> None:
    batches(settings, T, 0, garbage("new", 3))
    commit(settings, offset, topic_id)
    code, said = ended(settings)
    assert code == 2
    assert f"the group has {T}/0 up to offset {offset}" in said
    assert why in said
    assert TAKE_NEW_WORK in said
    assert letters(settings) == []
    code, said = ended(settings, TAKE_NEW_WORK)
    assert (code, "begins at its beginning" in said) == (0, True), said
    with pool(settings):
        wait_until(lambda: len(letters(settings)) == 3, 60)
    code, said = ended(settings, TAKE_NEW_WORK)
    assert (code, "nothing to do" in said) == (0, True), said


def test_work_that_was_deleted_unread_is_on_record(settings: Settings) -> None:
    batches(settings, T, 0, garbage("gone", 4), garbage("kept", 2))
    admin = AdminClient({**settings.kafka_config(), "log_level": 0})
    for future in admin.delete_records([TopicPartition(T, 0, 4)]).values():
        future.result()
    with pool(settings):
        wait_until(lambda: len(letters(settings)) == 3, 60)
    (found,) = [each for each in letters(settings) if each.code == "deleted_unread"]
    assert (found.topic, found.offset) == (T, 0)
    assert "the offsets 0 to 3 were deleted before a pool had read them" in found.reason
    assert committed(settings).offset == 6
