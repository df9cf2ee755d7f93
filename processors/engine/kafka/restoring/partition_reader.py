"""Reading a range of one partition, committed records only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from confluent_kafka import KafkaException

from runfold.processors.engine.config import EngineConfig
from runfold.processors.engine.faults import LaneFault
from runfold.producers.errors import LogError, UnavailableError, UnreadableError
from runfold.producers.log.consumers import Settings
from runfold.producers.log.kafka_tail import KafkaEnds, KafkaTail
from runfold.producers.log.tail import Place, Portion, RawRecord, in_range
from runfold.producers.log.topics.now import now_of
from runfold.producers.log.topics.remembered import Now
from runfold.producers.log.unreadable import end_of_batch

_ANSWER_SECONDS = 10.0


class PartitionReader:
    """One consumer that reads ranges one after another; close it when done.

    ``beat`` is called as reading goes on, so that a watchdog sees the difference between a long
    restore and a stuck one.
    """

    def __init__(self, config: EngineConfig, beat: Callable[[], None]) -> None:
        self._beat = beat
        self._kafka = config.client()
        self._ends = KafkaEnds(config.client())
        own: Settings = {
            "group.id": f"{config.app}-restore",
            "fetch.wait.max.ms": 10,
            "fetch.queue.backoff.ms": 5,
            "queued.min.messages": 100_000,
            "fetch.message.max.bytes": 4_000_000,
        }
        self._tail = KafkaTail(config.client(), own=own, lookup_s=_ANSWER_SECONDS)

    def close(self) -> None:
        """Release the connections."""
        self._tail.close()

    def ends(self, names: tuple[str, ...], partition: int) -> Mapping[str, int]:
        """Return the high watermark of a partition number of each topic, open transactions
        included.
        """
        try:
            found = self._ends.high([(name, partition) for name in names], _ANSWER_SECONDS)
        except LogError as error:
            raise LaneFault(str(error)) from error
        return {topic: end for (topic, _), end in found.items()}

    def now(self, names: tuple[str, ...], partition: int) -> dict[str, Now]:
        """Return what a partition number of each topic is now."""
        places = [(name, partition) for name in names]
        try:
            found = now_of(self._kafka, places, self._ends, _ANSWER_SECONDS)
        except LogError as error:
            raise LaneFault(str(error)) from error
        return {topic: now for (topic, _), now in found.items()}

    def offset_at(self, topic: str, partition: int, time_ms: int) -> int:
        """Return the first offset with a time stamp from ``time_ms`` on; -1 beyond the end."""
        try:
            return self._tail.from_time([(topic, partition)], time_ms)[topic, partition]
        except LogError as error:
            raise LaneFault(str(error)) from error

    def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[list[RawRecord]]:
        """Yield the committed records from ``start`` to before ``end``, in lists.

        Raises LaneFault when the broker stays silent for 30 s, and UnreadableError where a batch
        can never be read.
        """
        place = (topic, partition)
        try:
            yield from in_range(self._tail, {place: start}, {place: end}, self._beat, _judge)
        except UnreadableError as broken:
            if self.end_of_batch(broken) == broken.offset:
                # It was the way here that broke it: the same batch is sound now.
                raise LaneFault(str(broken)) from broken
            raise
        except UnavailableError as error:
            raise LaneFault(self._why_silent(place, end)) from error

    def end_of_batch(self, broken: UnreadableError) -> int:
        """Return the first offset behind a batch that cannot be read; raises LaneFault."""
        try:
            return end_of_batch(self._kafka, broken)
        except LogError as error:
            raise LaneFault(str(error)) from error

    def _why_silent(self, place: Place, end: int) -> str:
        topic, partition = place
        try:
            stable = self._ends.stable([place], _ANSWER_SECONDS)[place]
        except LogError:
            stable = end
        if stable >= end:
            return f"no answer from {topic}/{partition} for 30 s"
        return (
            f"{topic}/{partition} shows nothing from offset {stable} on: a transaction there was "
            f"never ended, though its producer is fenced (`runfold doctor` says what to do)"
        )


def _judge(portion: Portion) -> None:
    for fault in portion.faults:
        if not fault.retriable():
            raise KafkaException(fault)
