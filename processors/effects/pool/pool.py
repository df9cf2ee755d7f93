"""A process of its own that reads a work topic, makes the calls and reports on ``runs.results``.

One turn of the loop: 1. read what is there, 2. hand it to the effects, 3. serve the
acknowledgements of results that the effects' thread published, 4. commit the offsets before
which everything is answered. A record is committed only when its result is on the log, so a
process that dies loses nothing: its open calls are redelivered, and results that come twice
are recognised by call id and attempt.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence

from confluent_kafka import KafkaError, TopicPartition

from runfold.infra.process.failpoints import failpoint
from runfold.infra.process.stall import Positions
from runfold.infra.process.watchdog import Watchdog
from runfold.processors.effects.local import LocalEffects
from runfold.processors.effects.metrics import LOST, POOL_OPEN
from runfold.processors.effects.pool.backpressure import Backpressure
from runfold.processors.effects.pool.core import PoolCodec, PoolCore, Received
from runfold.processors.effects.pool.errors import (
    PoolBrokenError,
    PoolPositionError,
    PoolStalledError,
)
from runfold.processors.effects.pool.offset_tracker import OffsetTracker
from runfold.processors.effects.pool.outbox import Outbox
from runfold.processors.effects.pool.permits import Permits
from runfold.processors.effects.pool.settings import READING, PoolConfig, take_new_work
from runfold.producers.errors import LogError, StrangePositionError, UnreadableError, is_fatal
from runfold.producers.log.membership import Hooks, Member
from runfold.producers.log.tail import Portion, RawRecord, headers_in, place_of
from runfold.producers.log.unreadable import end_of_batch

log = logging.getLogger(__name__)

_READ_AT_ONCE = 200
_LATE_S = 2.0
_MOMENT_S = 0.002
_NO_TROUBLE = (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN)  # noqa: SLF001  public names


class Pool:
    """Serves a work topic until ``stop``; ``run`` raises PoolError when it cannot go on.

    ``permits`` is the gate of its effects, which the pool begins and ends.
    """

    def __init__(
        self,
        config: PoolConfig,
        codec: PoolCodec,
        effects: LocalEffects,
        permits: Permits | None = None,
    ) -> None:
        self._config = config
        self._permits = permits
        self._effects = effects
        self._outbox = Outbox(config.producer(), codec, config.members)
        if permits is not None:
            permits.through(self._outbox.question)
        self._core = PoolCore(config.kind, codec, effects, self._outbox)
        self._member = Member(
            config.kafka,
            config.membership(),
            Hooks(self._on_given, self._on_revoked, self._on_lost),
            READING,
            self._on_commit,
        )
        self._trackers: dict[int, OffsetTracker] = {}
        self._room = Backpressure(config.backlog, config.backlog_bytes)
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
        if self._permits is not None:
            self._permits.start()
        self._member.join()
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
        if self._permits is not None and self._permits.fault:
            raise PoolBrokenError(self._permits.fault)

    def _read(self) -> None:
        self._polled = time.monotonic()
        # A paused member polls all the same: that keeps the membership.
        portion = self._taken()
        if portion.lost:
            LOST(self._config.topic).inc()
            places = ", ".join(f"{topic}/{number}" for topic, number in sorted(portion.lost))
            raise PoolStalledError(f"{places} do not have the offset that is next")
        for record in portion.records:
            self._take(record)
        for place, at in portion.reached.items():
            # Control records before the end are handed to nobody.
            if at > self._received.get(place[1], at):
                self._received[place[1]] = at
        for broken in portion.unreadable.values():
            self._pass_by(broken)
        for fault in portion.faults:
            if is_fatal(fault):
                raise PoolBrokenError(f"the consumer broke: {fault.str()}")
            if fault.code() not in _NO_TROUBLE:
                log.warning("consumer: %s", fault.str())

    def _taken(self) -> Portion:
        """Return what is there; raises PoolPositionError, PoolBrokenError."""
        try:
            return self._member.take(_READ_AT_ONCE, 0.02 if self._core else 0.1)
        except StrangePositionError as strange:
            LOST(self._config.topic).inc()
            raise PoolPositionError(
                f"{strange}. Nothing is taken from there before {take_new_work(self._config.kind)} "
                "has been run: it begins at the beginning of what is there now, and calls that "
                "were answered are made again unless a claim answers them."
            ) from strange
        except LogError as error:
            raise PoolBrokenError(f"the group's positions are not known: {error}") from error

    def _prove_life(self) -> None:
        if self._answered.is_set():
            self._watchdog.beat("a call that holds the effects' loop, or a turn of the pool")
            self._answered.clear()
            self._effects.ping(self._answered.set)

    def _take(self, record: RawRecord) -> None:
        place, offset = place_of(record), record.offset() or 0
        # Records of a partition revoked within the same poll belong to its next owner.
        tracker = self._trackers.get(place[1])
        if tracker is None:
            return
        self._received[tracker.partition] = offset + 1
        received = Received(*place, offset, record.key(), record.value(), headers_in(record))
        self._core.take(received, tracker)

    def _pass_by(self, broken: UnreadableError) -> None:
        """Go on behind a batch that nobody can read, with a dead letter that says what it held."""
        tracker = self._trackers.get(broken.place[1])
        if tracker is None:
            return
        log.critical("work: %s", broken)
        try:
            end = end_of_batch(self._config.kafka, broken)
            first = max(broken.offset, self._received[tracker.partition])
            self._member.seek({broken.place: max(first, end)})
        except LogError as error:
            # The client reports the batch again, and it is tried again.
            log.warning("looking for the end of a batch: %s", error)
            return
        self._received[tracker.partition] = max(first, end)
        if end > first:
            reason = f"the offsets {first} to {end - 1} cannot be read: {broken.reason}"
            self._core.pass_by(Received(*broken.place, first, None, None), end, reason, tracker)

    def _commit(self, *, synchronously: bool) -> None:
        now = time.monotonic()
        if now < self._commit_due and not synchronously:
            return
        self._commit_due = now + self._config.commit_every_s
        due = {
            tracker: offset
            for tracker in self._trackers.values()
            if (offset := tracker.to_commit()) is not None
        }
        if not due:
            return
        positions = {
            (self._config.topic, tracker.partition): offset for tracker, offset in due.items()
        }
        for tracker, offset in due.items():
            tracker.committed(offset)
        failpoint("pool.before_commit")
        try:
            self._member.commit(positions, wait=synchronously)
        except LogError as error:
            log.warning("offsets not committed, calls may be redelivered: %s", error)
            return
        failpoint("pool.after_commit")

    def _on_commit(self, error: KafkaError | None, places: list[TopicPartition]) -> None:
        if error is None:
            return
        log.warning("offsets not committed, trying again: %s", error.str())
        for place in places:
            if (tracker := self._trackers.get(place.partition)) is not None:
                tracker.committed(None)

    def _pause_or_resume(self) -> None:
        before = self._room.paused
        self._room.note(len(self._core), self._core.size, time.monotonic())
        if self._room.paused != before or self._rebalanced:
            self._member.pause(paused=self._room.paused)
        self._rebalanced = False

    def _on_given(self, partitions: Sequence[int]) -> None:
        log.info("assigned %s %s", self._config.topic, partitions)
        for partition in partitions:
            self._trackers[partition] = OffsetTracker(partition)
            self._received[partition] = -1
            if partition in self._member.gone:
                self._say_gone(partition, *self._member.gone[partition])
        if self._permits is not None:
            self._permits.own(partitions)
        # One that joins may be paused or not, by what it was when it was here before.
        self._rebalanced = True

    def _say_gone(self, partition: int, first: int, behind: int) -> None:
        """Put on record work that was deleted before anybody had read it."""
        LOST(self._config.topic).inc()
        reason = (
            f"the offsets {first} to {behind - 1} were deleted before a pool had read them; their "
            "calls end by their time-out, and are made again where that is safe"
        )
        log.critical("work: %s/%d: %s", self._config.topic, partition, reason)
        place = Received(self._config.topic, partition, first, None, None)
        self._core.pass_by(place, behind, reason, self._trackers[partition], "deleted_unread")

    def _on_revoked(self, partitions: Sequence[int]) -> None:
        log.info("revoked %s %s", self._config.topic, partitions)
        self._commit(synchronously=True)
        self._release(partitions)

    def _on_lost(self, partitions: Sequence[int]) -> None:
        # What is lost belongs to others: a commit would be refused, and end a static member.
        log.warning("lost %s %s", self._config.topic, partitions)
        self._release(partitions)

    def _release(self, partitions: Sequence[int]) -> None:
        for partition in partitions:
            self._received.pop(partition, None)
            if (tracker := self._trackers.pop(partition, None)) is not None:
                tracker.live = False
        if self._permits is not None:
            self._permits.disown(partitions)

    def _drain(self) -> None:
        if not self._effects.close(self._config.drain_s):
            log.warning("calls were cut off; they are made again")
        if not self._outbox.flush(self._config.drain_s):
            log.warning("results were not acknowledged; their calls are made again")
        self._commit(synchronously=True)
        self._member.close()
        if self._permits is not None:
            self._permits.close()
        log.info("drained %s", self._config.topic)
