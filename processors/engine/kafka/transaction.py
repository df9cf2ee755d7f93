"""Writing to the log: one transactional producer that owns one partition."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import Message as Delivered

from runfold.events import topics
from runfold.infra.kafka import clients
from runfold.infra.kafka.clients import Producer
from runfold.infra.process.failpoints import failpoint
from runfold.processors.engine.config import EngineConfig
from runfold.processors.engine.core.messages import Message
from runfold.processors.engine.faults import LaneFault, translated

Settings = dict[str, str | int | float | bool]

_INIT_SECONDS = 30.0
_SLICE_SECONDS = 0.1
_MOST_PRODUCERS = 10


class Transactions:
    """A producer that fences every older one of its partition when it is made.

    Every method raises Fenced or LaneFault; after either the object is of no more use, because
    the client cannot tell a lost answer from a failed commit.
    """

    def __init__(
        self, config: EngineConfig, transactional_id: str, journal: str, partition: int
    ) -> None:
        self._journal = journal
        self._partition = partition
        self._commit_timeout = config.commit_timeout
        self._first: int | None = None
        failpoint("lane.before_fence")
        try:
            self._producer = _owning(
                config.client(
                    transactional_id=transactional_id,
                    transaction_timeout_ms=int(config.transaction_timeout * 1000),
                    # The commit flushes: lingering costs no latency and saves the broker requests.
                    linger_ms=5,
                    compression_type="lz4",
                    partitioner="murmur2_random",
                    retry_backoff_ms=5,
                    retry_backoff_max_ms=50,
                    message_max_bytes=topics.MAX_RECORD_BYTES,
                    socket_nagle_disable=True,
                )
            )
        except KafkaException as error:
            raise translated(error) from error
        failpoint("lane.after_fence")

    def partition_counts(self, topics: Sequence[str]) -> dict[str, int]:
        """Return how many partitions each topic has."""
        counts = {}
        for topic in topics:
            try:
                found = self._producer.list_topics(topic, _INIT_SECONDS).topics[topic]
            except KafkaException as error:
                raise translated(error) from error
            if found.error is not None or not found.partitions:
                raise LaneFault(f"the topic {topic}, to which this lane sends, does not exist")
            counts[topic] = len(found.partitions)
        return counts

    def write(self, messages: Iterable[Message]) -> int | None:
        """Commit messages in one transaction; return the first journal event's offset, if any."""
        self._first = None
        failpoint("lane.before_begin")
        try:
            self._producer.begin_transaction()
            failpoint("lane.after_begin")
            to_journal = self._produce_all(messages)
            failpoint("lane.after_produce")
            self._producer.commit_transaction(self._commit_timeout)
            failpoint("lane.after_commit")
            self._producer.poll(0)
        except KafkaException as error:
            raise translated(error) from error
        if to_journal and self._first is None:
            raise LaneFault("a commit came back without the report of its first record")
        return self._first

    def _produce_all(self, messages: Iterable[Message]) -> bool:
        to_journal = False
        for message in messages:
            try:
                self._produce(message, first=not to_journal)
            except BufferError:
                # The client's own queue is full: let it send what it has, then go on.
                self._producer.flush(self._commit_timeout)
                self._produce(message, first=not to_journal)
            to_journal = to_journal or message.topic == self._journal
        return to_journal

    def _produce(self, message: Message, *, first: bool) -> None:
        partition = self._partition if message.partition is None else message.partition
        if first and message.topic == self._journal:
            # One report a transaction gives the offsets of all its events.
            self._producer.produce(
                message.topic,
                message.value,
                message.key,
                partition,
                headers=message.headers,  # type: ignore[arg-type] # the stub has an invariant list
                on_delivery=self._placed,
            )
        else:
            self._producer.produce(
                message.topic,
                message.value,
                message.key,
                partition,
                headers=message.headers,  # type: ignore[arg-type]
            )

    def _placed(self, error: KafkaError | None, delivered: Delivered) -> None:
        if error is None:
            self._first = delivered.offset()


def _owning(settings: Settings) -> Producer:
    """Return a producer that has fenced every older one of its transactional id.

    While the broker ends the transaction that a dead owner left open, it answers that another
    operation is under way. The client then waits for half a second or a whole one, though the
    broker needs milliseconds; a new client asks again at once.
    """
    until = time.monotonic() + _INIT_SECONDS
    producer, made = clients.producer(settings), 1
    while True:
        try:
            producer.init_transactions(_SLICE_SECONDS)
        except KafkaException as error:
            fault = error.args[0]
            if not fault.retriable() or time.monotonic() > until:
                raise
            # Only upon this answer: without one, the first client's request may still be under way.
            if fault.code() == KafkaError.CONCURRENT_TRANSACTIONS and made < _MOST_PRODUCERS:
                producer, made = clients.producer(settings), made + 1
        else:
            return producer
