"""A process of its own that reads a work topic, makes the calls and reports on ``runs.results``.

One turn of the loop: 1. read what is there, 2. hand it to the effects, 3. serve the
acknowledgements of results that the effects' thread published, 4. commit the offsets before
which everything is answered. A record is committed only when its result is on the log, so a
process that dies loses nothing: its open calls come round again, and results that come twice
are recognised by call id and attempt.
"""

from __future__ import annotations

import logging
import threading
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from runfold.infra.process.failpoints import failpoint
from runfold.infra.process.stall import Positions
from runfold.infra.process.watchdog import Watchdog
from runfold.processors.effects.backpressure import Backpressure
from runfold.processors.effects.core import PoolCodec, PoolCore, Received
from runfold.processors.effects.errors import PoolBrokenError, PoolStalledError
from runfold.processors.effects.local import LocalEffects
from runfold.processors.effects.metrics import POOL_OPEN
from runfold.processors.effects.offset_tracker import OffsetTracker
from runfold.processors.effects.outbox import Outbox
from runfold.processors.effects.settings import PoolConfig
from runfold.producers.errors import is_fatal
from runfold.producers.log.kafka_tail import consumer_of, is_end

log = logging.getLogger(__name__)

_READ_AT_ONCE = 200
_LATE_S = 2.0
_MOMENT_S = 0.002
_NO_TROUBLE = (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN)  # noqa: SLF001  public names


class Pool:
    """Serves a work topic until ``stop``; ``run`` raises PoolError when it cannot go on."""

    def __init__(self, config: PoolConfig, codec: PoolCodec, effects: LocalEffects) -> None:
        self._config = config
        self._effects = effects
        self._outbox = Outbox(config.producer(), codec, config.members)
        self._core = PoolCore(config.kind, codec, effects, self._outbox)
        self._consumer = consumer_of(
            config.kafka, {**config.consumer(), "on_commit": self._on_commit}
        )
        self._ledgers: dict[int, OffsetTracker] = {}
        self._room = Backpressure(config.backlog)
        self._rebalanced = False
        self._commit_due = 0.0
        self._received: dict[int, int] = {}
        self._watchdog = Watchdog(config.stuck_s)
        self._polled = 0.0
        self._stalled = ""
        self._answered = threading.Event()
        POOL_OPEN(config.topic).set_function(lambda: len(self._core))
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Ask ``run`` to drain and return; from any thread or a signal handler."""
        self._stopping.set()

    def stall(self, why: str) -> None:
        """Make ``run`` drain and raise PoolStalledError; from any thread."""
        self._stalled = why

    def reading(self) -> Positions:
        """Return how far the partitions were received, below 0 where nothing is known yet."""
        # What is not asked for, because the pool is full, busy or starved, has not stalled.
        if self._room.paused or time.monotonic() - self._polled > _LATE_S:
            return {}
        received = self._received.copy()
        return {(self._config.topic, number): at for number, at in received.items()}

    def run(self) -> None:
        """Make calls until stopped, then finish those in flight and leave the group."""
        self._consumer.subscribe(
            [self._config.topic],
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )
        self._answered.set()
        try:
            while not self._stopping.is_set():
                self._turn()
        finally:
            self._watchdog.off()
            self._drain()

    def _turn(self) -> None:
        self._prove_life()
        if self._room.waits:
            time.sleep(_MOMENT_S)
        else:
            self._read()
        self._outbox.serve()
        self._commit(synchronously=False)
        self._pause_or_resume()
        if self._stalled:
            raise PoolStalledError(self._stalled)

    def _read(self) -> None:
        self._polled = time.monotonic()
        # A paused consumer is polled all the same: that keeps the membership.
        first = self._consumer.poll(0.02 if self._core else 0.1)
        if first is not None:
            for message in (first, *self._consumer.consume(_READ_AT_ONCE, 0)):
                self._take(message)

    def _prove_life(self) -> None:
        if self._answered.is_set():
            self._watchdog.beat("a call that holds the effects' loop, or a turn of the pool")
            self._answered.clear()
            self._effects.ping(self._answered.set)

    def _take(self, message: Message) -> None:
        error = message.error()
        partition, offset = message.partition(), message.offset()
        if error is not None:
            if is_end(error):
                self._note_end(partition, offset)
            elif is_fatal(error):
                raise PoolBrokenError(f"the consumer broke: {error.str()}")
            elif error.code() not in _NO_TROUBLE:
                log.warning("consumer: %s", error.str())
            return
        # Records of a partition revoked within the same poll belong to its next owner.
        ledger = self._ledgers.get(partition if partition is not None else -1)
        if ledger is None or offset is None:
            return
        self._received[ledger.partition] = offset + 1
        self._core.take(_received(self._config.topic, ledger.partition, offset, message), ledger)

    def _note_end(self, partition: int | None, offset: int | None) -> None:
        if partition in self._received and offset is not None:
            self._received[partition] = offset

    def _commit(self, *, synchronously: bool) -> None:
        now = time.monotonic()
        if now < self._commit_due and not synchronously:
            return
        self._commit_due = now + self._config.commit_every_s
        due = {
            ledger: offset
            for ledger in self._ledgers.values()
            if (offset := ledger.to_commit()) is not None
        }
        if not due:
            return
        offsets = [
            TopicPartition(self._config.topic, ledger.partition, offset)
            for ledger, offset in due.items()
        ]
        for ledger, offset in due.items():
            ledger.committed(offset)
        failpoint("pool.before_commit")
        try:
            if synchronously:
                self._consumer.commit(offsets=offsets, asynchronous=False)
            else:
                self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:
            log.warning("offsets not committed, calls may come again: %s", error.args[0])
            return
        failpoint("pool.after_commit")

    def _on_commit(self, error: KafkaError | None, places: list[TopicPartition]) -> None:
        if error is None:
            return
        log.warning("offsets not committed, trying again: %s", error.str())
        for place in places:
            if (ledger := self._ledgers.get(place.partition)) is not None:
                ledger.committed(None)

    def _pause_or_resume(self) -> None:
        before = self._room.paused
        self._room.note(len(self._core), time.monotonic())
        if self._room.paused != before or self._rebalanced:
            turn = self._consumer.pause if self._room.paused else self._consumer.resume
            turn(self._consumer.assignment())
        self._rebalanced = False

    def _on_assign(self, _consumer: Consumer, places: list[TopicPartition]) -> None:
        log.info("assigned %s %s", self._config.topic, [place.partition for place in places])
        for place in places:
            self._ledgers[place.partition] = OffsetTracker(place.partition)
            self._received[place.partition] = -1
        # One that joins may be paused or not, by what it was when it was here before.
        self._rebalanced = True

    def _on_revoke(self, _consumer: Consumer, places: list[TopicPartition]) -> None:
        log.info("revoked %s %s", self._config.topic, [place.partition for place in places])
        self._commit(synchronously=True)
        self._let_go(places)

    def _on_lost(self, _consumer: Consumer, places: list[TopicPartition]) -> None:
        # What is lost belongs to others: a commit would be refused, and end a static member.
        log.warning("lost %s %s", self._config.topic, [place.partition for place in places])
        self._let_go(places)

    def _let_go(self, places: list[TopicPartition]) -> None:
        for place in places:
            self._received.pop(place.partition, None)
            if (ledger := self._ledgers.pop(place.partition, None)) is not None:
                ledger.live = False

    def _drain(self) -> None:
        if not self._effects.close(self._config.drain_s):
            log.warning("calls were cut off; they come round again")
        if not self._outbox.flush(self._config.drain_s):
            log.warning("results were not acknowledged; their calls come round again")
        self._commit(synchronously=True)
        self._consumer.close()
        log.info("drained %s", self._config.topic)


def _received(topic: str, partition: int, offset: int, message: Message) -> Received:
    headers = [
        (header[0], _as_bytes(header[1]))
        for header in message.headers() or ()
        if isinstance(header, tuple)
    ]
    return Received(
        topic, partition, offset, _as_bytes(message.key()), _as_bytes(message.value()), headers
    )


def _as_bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
