"""Reading a range of one partition, committed records only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from runfold.processors.engine.config import EngineConfig
from runfold.processors.engine.faults import LaneFault

_ANSWER_SECONDS = 10.0
_SILENCE_SECONDS = 30.0
_LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]


class PartitionReader:
    """One consumer that reads ranges one after another; close it when done.

    ``beat`` is called as reading goes on, so that a watchdog sees the difference between a long
    restore and a stuck one.
    """

    def __init__(self, config: EngineConfig, beat: Callable[[], None]) -> None:
        self._beat = beat
        self._admin = AdminClient(config.client())
        self._consumer = Consumer(
            config.client(
                group_id=f"{config.app}-restore",
                isolation_level="read_committed",
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                enable_partition_eof=True,
                fetch_wait_max_ms=10,
                fetch_queue_backoff_ms=5,
                queued_min_messages=100_000,
                fetch_message_max_bytes=4_000_000,
                check_crcs=False,
            )
        )
        # Without the metadata the first assignment loses a second.
        self._consumer.list_topics(timeout=_ANSWER_SECONDS)

    def close(self) -> None:
        """Let go of the connections."""
        self._consumer.close()

    def ends(self, names: tuple[str, ...], partition: int) -> Mapping[str, int]:
        """Return the high watermark of a partition number of each topic, open transactions
        included.
        """
        return self._latest(names, partition, IsolationLevel.READ_UNCOMMITTED)

    def _latest(
        self, names: tuple[str, ...], partition: int, isolation: IsolationLevel
    ) -> Mapping[str, int]:
        asked = {TopicPartition(name, partition): _LATEST for name in names}
        answers = self._admin.list_offsets(
            asked, isolation_level=isolation, request_timeout=_ANSWER_SECONDS
        )
        return {place.topic: answer.result().offset for place, answer in answers.items()}

    def offset_at(self, topic: str, partition: int, time_ms: int) -> int:
        """Return the first offset with a time stamp from ``time_ms`` on; -1 beyond the end."""
        place = TopicPartition(topic, partition, time_ms)
        found: TopicPartition = self._consumer.offsets_for_times([place], _ANSWER_SECONDS)[0]
        return found.offset

    def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[list[Message]]:
        """Yield the committed records from ``start`` to before ``end``, in lists.

        Raises LaneFault when the broker stays silent for 30 s.
        """
        if start >= end:
            return
        self._consumer.assign([TopicPartition(topic, partition, start)])
        heard = time.monotonic()
        while True:
            first = self._consumer.poll(0.5)
            self._beat()
            if first is None:
                if time.monotonic() - heard > _SILENCE_SECONDS:
                    raise LaneFault(self._why_silent(topic, partition, end))
                continue
            heard = time.monotonic()
            batch: list[Message] = []
            for message in (first, *self._consumer.consume(5000, 0)):
                offset = message.offset()
                fault = message.error()
                if fault is None:
                    assert offset is not None
                    if offset < end:
                        batch.append(message)
                    done = offset + 1 >= end
                elif fault.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
                    # Trailing control records do not advance the position: only the end tells.
                    done = (offset or 0) >= end
                elif fault.retriable():
                    done = False
                else:
                    raise KafkaException(fault)
                if done:
                    yield batch
                    return
            if batch:
                yield batch

    def _why_silent(self, topic: str, partition: int, end: int) -> str:
        stable = self._latest((topic,), partition, IsolationLevel.READ_COMMITTED)[topic]
        if stable >= end:
            return f"no answer from {topic}/{partition} for 30 s"
        return (
            f"{topic}/{partition} shows nothing from offset {stable} on: a transaction there was "
            f"never ended, though its producer is fenced (`runfold doctor` says what to do)"
        )
