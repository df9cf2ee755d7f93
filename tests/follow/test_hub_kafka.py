"""Followers on a real broker: open transactions, a kill in the middle, a thousand at once."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer

from runfold.events import topics
from runfold.producers.follow.hub import Hub
from runfold.producers.identity import uuid7
from runfold.producers.log.partitioner import partition_for
from runfold.stack.kafka.topics import ensure_topics
from tests.contracts.logs import CODEC, kafka_log
from tests.follow.given import Watched, event
from tests.support.stack import Servers

pytestmark = pytest.mark.integration

EVENTS = 30


@pytest.fixture
def reader(servers: Servers) -> Watched:
    kafka = servers.settings.kafka_config()
    ensure_topics(kafka, topics.TOPICS, servers.settings.partitions)
    return Watched(kafka_log(servers.bootstrap_servers).reader)


@pytest.fixture
def hub(reader: Watched) -> Iterator[Hub]:
    made = Hub(reader, topics.EVENTS)
    yield made
    made.close()


def producer(servers: Servers, transaction: str | None = None) -> Producer:
    own = {"transactional.id": transaction} if transaction else {}
    return Producer({**servers.settings.kafka_config(), "acks": "all", "log_level": 0, **own})


def put(to: Producer, run_id: str, seq: int, partitions: int) -> None:
    said = event(run_id, seq, last=seq == EVENTS)
    to.produce(
        topics.EVENTS,
        value=CODEC.encode_event(said.meta, said.fact),
        key=run_id,
        partition=partition_for(run_id.encode(), partitions),
    )


def test_what_was_in_a_transaction_when_the_tail_began_is_not_missed(
    servers: Servers, hub: Hub
) -> None:
    run_id, partitions = uuid7(), servers.settings.partitions
    writer = producer(servers, f"test-{uuid7()}")
    writer.init_transactions(30)
    writer.begin_transaction()
    for seq in range(1, EVENTS + 1):
        put(writer, run_id, seq, partitions)
    assert writer.flush(30) == 0
    with hub.following(run_id, timeout=60) as following:
        # It is written and not committed: it is behind the broker's end, and before the tail's.
        assert following.past() == []
        writer.commit_transaction(30)
        assert [each.meta.seq for each in following.coming()] == list(range(1, EVENTS + 1))


@pytest.mark.timeout(400)
def test_a_thousand_followers_outlive_the_broker(
    servers: Servers, reader: Watched, hub: Hub
) -> None:
    if not servers.embedded:
        pytest.skip("only an embedded broker can be killed")
    runs = [uuid7() for _ in range(20)]
    rng, begun, killed = random.Random(3), threading.Event(), threading.Event()
    writer, partitions = producer(servers), servers.settings.partitions

    def write() -> None:
        for seq in range(1, EVENTS + 1):
            if seq == EVENTS // 2:
                # A log that is away when the hub begins is told at once.
                assert begun.wait(60)
                servers.kill("kafka", away_s=1)
                killed.set()
            for run_id in runs:
                put(writer, run_id, seq, partitions)
            assert writer.flush(60) == 0
            killed.wait(0.1)

    async def follow(run_id: str) -> list[int]:
        # Some join before the kill, some while the broker is away, some after it.
        await asyncio.sleep(rng.random() * 6)
        async with hub.async_following(run_id, timeout=300) as following:
            return [each.meta.seq async for each in following]

    async def follow_first(run_id: str) -> list[int]:
        async with hub.async_following(run_id, timeout=300) as following:
            seen = [each.meta.seq for each in await following.past()]
            assert following.caught_up
            begun.set()
            return [*seen, *[each.meta.seq async for each in following.coming()]]

    async def everybody() -> list[list[int]]:
        writing = asyncio.create_task(asyncio.to_thread(write))
        first = asyncio.create_task(follow_first(runs[0]))
        seen = await asyncio.gather(*(follow(rng.choice(runs)) for _ in range(1000)))
        await writing
        return [*seen, await first]

    for found in asyncio.run(everybody()):
        assert found == list(range(1, EVENTS + 1))
    assert (reader.most_followers, reader.most_readers) == (1, 2)
