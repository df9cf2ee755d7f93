"""An input topic that was given more partitions is made again with its own, and loses nothing.

The order matters, and it may be repeated from the beginning wherever it was cut off:
1. the topic takes no record any more: what comes later is refused, not lost
2. what no lane has decided is kept in files: of the partitions that lanes read, from where they
   were; of the surplus ones, everything
3. the topic is deleted and made again
4. what was kept is written again, each record by its key; then the files are removed
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, cast

from confluent_kafka import (
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from runfold.events.topics import CONTROLS, MAX_RECORD_BYTES, REQUESTS, RESULTS, TOPICS
from runfold.infra.kafka import clients
from runfold.infra.kafka.clients import Admin, Consumer
from runfold.infra.kafka.rights import GROUPS
from runfold.stack.errors import StackError
from runfold.stack.kafka.spool import Kept, Spool
from runfold.stack.kafka.topics import ensure_topics

INPUTS = (REQUESTS, CONTROLS, RESULTS)
"""The topics that can be made again: every other one keeps what cannot be placed by its key."""

_POSITIONS = f"{GROUPS}runs-positions"
_SECONDS = 30.0
_AGAIN_S = 0.1

Kafka = Mapping[str, str | int | float]


def remake(
    kafka: Kafka, partitions: int, home: Path, report: Callable[[str], None] = lambda _: None
) -> None:
    """Make every input topic again that has too many partitions; nothing may run meanwhile.

    Raises StackError where the brokers do not let us; what was kept stays in ``home`` then, and the
    next attempt goes on with it.
    """
    admin = clients.admin({**kafka, "log_level": 0})
    for topic in INPUTS:
        spool = Spool(home / "remake" / topic)
        there = admin.list_topics(timeout=_SECONDS).topics.get(topic)
        surplus = there is not None and len(there.partitions) > partitions
        if not surplus and not spool.is_complete:
            continue
        try:
            if not spool.is_complete:
                assert there is not None
                _lock(admin, topic)
                _keep(kafka, topic, len(there.partitions), partitions, spool)
            if surplus:
                _delete(admin, topic)
            ensure_topics(kafka, [s for s in TOPICS if s.name == topic], partitions)
            count = _write_again(kafka, topic, spool)
        except KafkaException as error:
            raise StackError(
                f"The topic {topic} could not be made again ({error.args[0].str()}): what it held "
                f"is in {spool.folder}; try again, it goes on from there."
            ) from error
        spool.remove()
        report(f"{topic} was made again with {partitions} partitions and {count} records")


def _lock(admin: Admin, topic: str) -> None:
    entry = ConfigEntry("max.message.bytes", "0", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    for future in admin.incremental_alter_configs([resource]).values():
        future.result()


def _keep(kafka: Kafka, topic: str, count: int, partitions: int, spool: Spool) -> None:
    settings = {
        **kafka,
        "group.id": _POSITIONS,
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
        "check.crcs": True,
        "enable.partition.eof": True,
        # The end is said by an answer without records, which a broker holds back for half a second.
        "fetch.wait.max.ms": 10,
        "fetch.message.max.bytes": MAX_RECORD_BYTES,
        "log_level": 0,
    }
    spool.begin()
    with closing(clients.consumer(settings)) as consumer:
        places = [TopicPartition(topic, number) for number in range(partitions)]
        decided = {each.partition: each.offset for each in consumer.committed(places, _SECONDS)}
        for number in range(count):
            # Nobody has read the surplus ones; a lane that was never there has decided nothing.
            start = max(0, decided.get(number, 0))
            consumer.assign([TopicPartition(topic, number, start)])
            spool.keep(number, _to_the_end(consumer))
    spool.finish()


def _to_the_end(consumer: Consumer) -> Iterator[Kept]:
    until = time.monotonic() + _SECONDS
    while True:
        message = consumer.poll(_AGAIN_S)
        if message is None:
            if time.monotonic() > until:
                raise StackError("Kafka has been silent for 30 s: check that it runs.")
            continue
        until = time.monotonic() + _SECONDS
        error = message.error()
        if error is None:
            yield Kept(message.timestamp()[1], message.key(), message.value(), _headers(message))
        elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
            return
        elif not error.retriable():
            raise KafkaException(error)


def _headers(message: Message) -> tuple[tuple[str, bytes | None], ...]:
    # What was read has bytes; the stub also knows the other forms in which one may write them.
    found: list[tuple[str, Any]] = list(cast("Any", message.headers() or ()))
    return tuple(found)


def _delete(admin: Admin, topic: str) -> None:
    for future in admin.delete_topics([topic], operation_timeout=_SECONDS).values():
        future.result()
    until = time.monotonic() + _SECONDS
    while topic in admin.list_topics(timeout=_SECONDS).topics:
        if time.monotonic() > until:
            raise StackError(f"The topic {topic} was deleted, and is still there after 30 s.")
        time.sleep(_AGAIN_S)


def _write_again(kafka: Kafka, topic: str, spool: Spool) -> int:
    failed: list[KafkaError] = []
    settings = {
        **kafka,
        "partitioner": "murmur2_random",
        "enable.idempotence": True,
        "acks": "all",
        "message.max.bytes": MAX_RECORD_BYTES,
        "log_level": 0,
    }
    producer, count = clients.producer(settings), 0
    for record in spool.records():
        while True:
            try:
                producer.produce(
                    topic,
                    record.value,
                    record.key,
                    headers=list(record.headers),
                    timestamp=record.time_ms,
                    on_delivery=lambda error, _: failed.append(error) if error else None,
                )
            except BufferError:
                producer.poll(_AGAIN_S)
            else:
                break
        count += 1
    if producer.flush(_SECONDS) or failed:
        raise StackError(
            f"Not every record of {topic} could be written again "
            f"({failed[0].str() if failed else 'no answer'}): they are in {spool.folder}; try "
            "again."
        )
    return count
