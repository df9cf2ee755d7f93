"""How records are stored, by topic, when they are written as the run processor writes them."""

from __future__ import annotations

import pytest
from confluent_kafka import Producer

from runfold.events import topics
from runfold.events.topics import MAX_RECORD_BYTES, TOPICS
from runfold.stack.settings import Settings
from tests.hard.kafka.segments import codecs
from tests.support.stack import Servers, wait_until
from tests.system import oracle

pytestmark = pytest.mark.integration

NONE, LZ4 = 0, 3


def lane(settings: Settings) -> Producer:
    """A producer with the settings of a lane's."""
    producer = Producer(
        {**settings.producer_config(), "transactional.id": "codecs", "compression.type": "lz4"}
        | {"linger.ms": 5, "message.max.bytes": MAX_RECORD_BYTES}
    )
    producer.init_transactions(30)
    return producer


def commit(producer: Producer, *records: tuple[str, bytes]) -> None:
    producer.begin_transaction()
    for topic, value in records:
        producer.produce(topic, value, b"run", 0)
    producer.commit_transaction(30)


def test_what_clients_read_is_stored_without_a_codec_and_the_journal_with_lz4(
    servers: Servers, settings: Settings
) -> None:
    commit(lane(settings), *((topic.name, b"said again and again " * 99) for topic in TOPICS))
    plain = {
        topics.REQUESTS, topics.CONTROLS, topics.RESULTS, topics.COMPLETIONS, topics.ALERTS,
        topics.SUMMARIES,
    }  # fmt: skip
    # The marker of a commit is a batch of its own, which has no codec.
    meant = {topic.name: {NONE} if topic.name in plain else {NONE, LZ4} for topic in TOPICS}
    wait_until(lambda: {name: codecs(servers, name, 0) for name in meant} == meant)


def test_a_transaction_that_inflates_to_much_is_taken(settings: Settings) -> None:
    large = [bytes(900_000)] * 30 + [bytes(MAX_RECORD_BYTES - 1_000)]
    commit(lane(settings), *((topics.COMPLETIONS, value) for value in large))
    stored = [len(raw.value or b"") for raw in oracle.read_topic(settings, topics.COMPLETIONS)]
    assert stored == [len(value) for value in large]
