"""Reads the topics and tables as they are, with nothing but a client and SQL."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import psycopg
from confluent_kafka import Consumer, KafkaError, TopicPartition

from runfold.events import topics
from runfold.stack.settings import Settings
from tests.support.stack import TO_THE_END
from tests.system.oracle.seen import Place, Raw, Row, Seen, Tables

_END = KafkaError._PARTITION_EOF


def read_topic(settings: Settings, topic: str) -> tuple[Raw, ...]:
    """Every record of a topic that is committed by now, partition after partition."""
    return _read(settings, topic)[0]


def read_all(
    settings: Settings,
    *,
    tool: str = "",
    ledger: Path | None = None,
    poison: Iterable[Place] = (),
    may_be_uncertain: bool = False,
    tables: bool = True,
) -> Seen:
    """Everything there is to judge; first let all runs end and the views catch up."""
    # Views never run ahead of topics, so they are read first.
    views = read_tables(settings) if tables else None
    events, ends = _read(settings, topics.EVENTS)
    return Seen(
        requests=read_topic(settings, topics.REQUESTS),
        events=events,
        completions=read_topic(settings, topics.COMPLETIONS),
        dead_letters=read_topic(settings, topics.DEAD_LETTERS),
        results=read_topic(settings, topics.RESULTS),
        tool=tool,
        ledger=tuple(ledger.read_text().split()) if ledger and ledger.exists() else (),
        poison=frozenset(poison),
        may_be_uncertain=may_be_uncertain,
        tables=views,
        ends=ends,
    )


def read_tables(settings: Settings) -> Tables:
    """The views at one moment."""
    with psycopg.connect(settings.database_url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        runs = connection.execute(
            "SELECT r.run_id, r.status, r.seq, coalesce(a.chain_ok, false),"
            " (SELECT array_agg(e.hash ORDER BY e.seq) FROM run_events e"
            "  WHERE e.run_id = r.run_id)"
            " FROM runs r LEFT JOIN audit a USING (run_id)"
        ).fetchall()
        positions = connection.execute(
            "SELECT topic_partition, min(next_offset) FROM projection_positions"
            " WHERE topic = %s GROUP BY 1",
            (topics.EVENTS,),
        ).fetchall()
        dead = connection.execute(
            "SELECT topic, record_partition, record_offset FROM dead_letters"
        ).fetchall()
        counts = connection.execute(
            "SELECT (SELECT count(*) FROM projection_failures),"
            " (SELECT count(*) FROM tool_calls_started_without_permit)"
        ).fetchone()
    assert counts is not None
    return Tables(
        runs={row[0]: Row(row[1], row[2], tuple(row[4] or ()), row[3]) for row in runs},
        positions=dict(positions),
        dead=frozenset(Place(*row) for row in dead),
        failures=counts[0],
        unpermitted=counts[1],
    )


def _read(settings: Settings, topic: str) -> tuple[tuple[Raw, ...], dict[int, int]]:
    consumer = Consumer(
        {
            **settings.kafka_config(),
            **TO_THE_END,
            "group.id": "oracle",
            "isolation.level": "read_committed",
            # Inputs that were restored begin later than at 0.
            "auto.offset.reset": "earliest",
        }
    )
    places = [TopicPartition(topic, number, 0) for number in range(settings.partitions)]
    # A topic that grows has no end of its own: its ends are those of this moment.
    last = {each.partition: consumer.get_watermark_offsets(each, 20)[1] for each in places}
    consumer.assign(places)
    open_, found, ends = set(last), list[Raw](), dict[int, int]()
    while open_:
        message = consumer.poll(20)
        assert message is not None, f"{topic} could not be read to its end"
        partition, offset = message.partition(), message.offset()
        assert partition is not None
        error = message.error()
        if error is None:
            assert offset is not None
            if offset >= last[partition]:
                open_.discard(partition)
                continue
            key, value = message.key(), message.value()
            assert not isinstance(key, str)
            assert not isinstance(value, str)
            found.append(Raw(Place(topic, partition, offset), key, value))
            ends[partition] = offset + 1
        elif error.code() == _END:
            open_.discard(partition)
    consumer.close()
    found.sort(key=lambda raw: raw.place)
    return tuple(found), ends
