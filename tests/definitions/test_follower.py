"""The follower, on both twins of its source: everything published, in order, whatever comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from confluent_kafka import Producer

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.contents.content import content
from runfold.events.definitions import Definition, DefinitionPublished, ModelScript, ScriptTurn
from runfold.processors.definitions.fixed import FixedDefinitions, definitions_of
from runfold.processors.definitions.follower import DefinitionFollower
from runfold.processors.definitions.kafka import KafkaDefinitionLog
from runfold.processors.definitions.memory import MemoryDefinitionLog
from runfold.processors.definitions.record import announce, key
from runfold.processors.definitions.source import (
    Arrived,
    DefinitionLog,
    DefinitionStoreUnavailableError,
)
from tests.definitions.given import READ, script

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@dataclass
class Twin:
    """A registry topic: ``put`` appends a record, or bytes that are none; ``read`` is a reader."""

    put: Callable[[DefinitionPublished | bytes | None], None]
    read: Callable[[], DefinitionLog]


def in_memory() -> Twin:
    registry = MemoryDefinitionLog()

    def put(what: DefinitionPublished | bytes | None) -> None:
        registry.append(what if isinstance(what, DefinitionPublished) else "not_framed")

    return Twin(put, registry.reader)


def on_kafka(bootstrap: str) -> Twin:
    codec = Codec(LockRegistry())
    producer = Producer({"bootstrap.servers": bootstrap})

    def put(what: DefinitionPublished | bytes | None) -> None:
        value = (
            codec.encode(topics.REGISTRY, what) if isinstance(what, DefinitionPublished) else what
        )
        producer.produce(topics.REGISTRY, key=b"k", value=value)
        assert producer.flush(10) == 0

    return Twin(put, lambda: KafkaDefinitionLog({"bootstrap.servers": bootstrap}, codec))


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.integration)])
def twin(request: pytest.FixtureRequest) -> Twin:
    if request.param == "memory":
        return in_memory()
    return on_kafka(request.getfixturevalue("bootstrap_servers"))


@pytest.fixture
def follower(twin: Twin) -> Iterator[DefinitionFollower]:
    with DefinitionFollower(twin.read()) as following:
        following.wait_ready(10)
        yield following


def record(definition: Definition) -> DefinitionPublished:
    return announce(definition, "ann", NOW)


def test_an_empty_registry_is_complete(follower: DefinitionFollower) -> None:
    assert list(follower.complete(5)) == []


def test_what_was_published_before_and_after_is_there(twin: Twin) -> None:
    twin.put(record(READ))
    with DefinitionFollower(twin.read()) as follower:
        assert follower.complete(10).tool("files.read") == READ
        twin.put(record(script("filing")))
        assert follower.catch_up(10).model_script("filing@1.0.0") == script("filing")
        assert follower.current().position == 2


def test_two_followers_see_the_same(twin: Twin) -> None:
    twin.put(record(READ))
    twin.put(record(script("filing")))
    with DefinitionFollower(twin.read()) as one, DefinitionFollower(twin.read()) as other:
        assert one.complete(10) == other.complete(10) == definitions_of([READ, script("filing")])


@pytest.mark.parametrize(
    "bad",
    [
        b"rubbish",
        record(READ).model_copy(update={"kind": "spell"}),
        record(READ).model_copy(update={"digest": b"0" * 32}),
        record(READ).model_copy(update={"version": "1.0.1"}),
        record(READ).model_copy(
            update={"body": record(READ).body.model_copy(update={"inline": None})}
        ),
        DefinitionPublished(
            kind="tool",
            name="files.read",
            version="1.0.0",
            digest=content(b"{}", "application/json").digest,
            body=content(b"{}", "application/json"),
            published_at=NOW,
            published_by="ann",
        ),
    ],
    ids=["bytes", "kind", "digest", "version", "no body", "no tool"],
)
def test_a_bad_record_is_left_out_and_counted(
    bad: DefinitionPublished | bytes, twin: Twin, follower: DefinitionFollower
) -> None:
    twin.put(bad)
    twin.put(record(READ))
    definitions = follower.complete(10)
    assert definitions.tool("files.read") == READ
    assert [each.kind for each in definitions] == ["tool"]
    assert (definitions.position, follower.skipped) == (2, 1)


@pytest.mark.integration
def test_a_record_without_a_value_is_nothing(bootstrap_servers: str) -> None:
    """It fills an offset of a topic that was restored; the log in memory has none."""
    twin = on_kafka(bootstrap_servers)
    twin.put(None)
    twin.put(record(READ))
    with DefinitionFollower(twin.read()) as follower:
        definitions = follower.complete(10)
        assert definitions.tool("files.read") == READ
        assert (definitions.position, follower.skipped) == (2, 0)


def test_the_first_content_of_a_version_holds(twin: Twin, follower: DefinitionFollower) -> None:
    first = script("filing")
    other = ModelScript(name="filing", version="1.0.0", turns=(ScriptTurn(text="other"),))
    for each in (first, other, first):
        twin.put(record(each))
    assert follower.complete(10).model_script("filing") == first
    assert follower.skipped == 1


def test_a_closed_follower_still_answers(twin: Twin) -> None:
    twin.put(record(READ))
    follower = DefinitionFollower(twin.read())
    follower.complete(10)
    follower.close()
    assert follower.current().tool("files.read") == READ


class Broken:
    """A source that raises at first, and never gets as far as the topic's end."""

    def __init__(self) -> None:
        self.polls = 0

    def poll(self, timeout: float) -> Arrived | None:
        self.polls += 1
        if self.polls == 1:
            raise OSError("the disk is gone")
        time.sleep(0.01)
        return Arrived(2, record(READ)) if self.polls == 2 else None

    def end(self, timeout: float) -> int:
        return 9

    def close(self) -> None:
        self.polls = -1


def test_a_registry_that_cannot_be_read_to_its_end_is_told() -> None:
    with DefinitionFollower(Broken()) as follower:
        with pytest.raises(DefinitionStoreUnavailableError, match="to offset 2 of 9"):
            follower.complete(1)
        assert follower.catch_up(0.05).tool("files.read") == READ
        with pytest.raises(DefinitionStoreUnavailableError):
            follower.wait_ready(0.05)


@pytest.mark.integration
def test_a_broker_that_does_not_answer_is_told() -> None:
    source = KafkaDefinitionLog({"bootstrap.servers": "127.0.0.1:1"}, Codec(LockRegistry()))
    with DefinitionFollower(source) as follower:
        with pytest.raises(DefinitionStoreUnavailableError, match="topic registry"):
            follower.complete(0.3)
        assert list(follower.catch_up(0.3)) == []


def test_the_fixed_twin_answers_at_once() -> None:
    fixed = FixedDefinitions(definitions_of([READ]))
    fixed.wait_ready(0)
    assert fixed.current() == fixed.catch_up(0) == fixed.complete(0)
    assert fixed.current().tool(key(READ).removeprefix("tool/")) == READ
