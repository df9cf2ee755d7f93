"""Opening a lane: reading its book back from the log.

The order matters:
1. the lane's producer is made first (by the caller), which fences every older one and settles
   what it left open: from then on nobody else writes to this partition of the journal
2. the ends of the partitions are asked for, open transactions included
3. the newest restore point, the parked copies, the journal from the point to its end
4. the completions of the last horizon before the next unread request: a request in it may repeat
   a run that has ended
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Generic

from confluent_kafka import KafkaException, Message

from runfold.events import topics
from runfold.infra.process.failpoints import failpoint
from runfold.processors.engine.aggregate import Aggregate, S
from runfold.processors.engine.config import EngineConfig
from runfold.processors.engine.core.partition_state import PartitionState
from runfold.processors.engine.core.rebuild import Rebuild
from runfold.processors.engine.faults import LaneFault, translated
from runfold.processors.engine.kafka.partition_reader import PartitionReader, all_topics
from runfold.processors.engine.metrics import RESTORE_RECORDS
from runfold.processors.engine.ports import Codec

logger = logging.getLogger(__name__)

CLOCK_SLACK_SECONDS = 300.0
"""How far the clocks of the brokers and of ours may differ."""

_NEWEST = 64


class Restore(Generic[S]):
    """Reads the book of one partition."""

    def __init__(
        self,
        config: EngineConfig,
        aggregate: Aggregate[S],
        codec: Codec,
        partition: int,
        beat: Callable[[], None],
    ) -> None:
        self._config = config
        self._aggregate = aggregate
        self._codec = codec
        self._partition = partition
        self._beat = beat

    def book(self) -> PartitionState[S]:
        """Return the committed state of the partition; raises BrokenChain, LaneFault."""
        began = time.monotonic()
        reader = None
        try:
            reader = PartitionReader(self._config, self._beat)
            rebuild = self._read(reader)
        except KafkaException as error:
            fault = translated(error)
            raise LaneFault(str(fault)) from error
        finally:
            if reader is not None:
                reader.close()
        book = rebuild.finish()
        RESTORE_RECORDS(str(self._partition)).set(rebuild.records)
        seconds = time.monotonic() - began
        logger.info(
            "lane restored",
            extra={
                "partition": self._partition,
                "records": rebuild.records,
                "seconds": round(seconds, 3),
                "live": len(book.runs),
                "ended": len(book.ended),
                "positions": dict(book.positions),
            },
        )
        return book

    def _read(self, reader: PartitionReader) -> Rebuild[S]:
        rebuild = Rebuild(self._aggregate, self._codec)
        ends = reader.ends(all_topics(), self._partition)
        start = self._hint(reader, rebuild, ends[topics.RESTORE])
        for message in self._messages(reader, topics.PARKED, 0, ends[topics.PARKED]):
            rebuild.parked(_key(message), message.value())
        rebuild.parked_done()
        failpoint("restore.before_journal")
        for message in self._messages(reader, topics.EVENTS, start, ends[topics.EVENTS]):
            value = message.value()
            if value is not None:
                rebuild.journal(message.offset() or 0, value)
        rebuild.reached(ends[topics.EVENTS])
        failpoint("restore.after_journal")
        since = self._horizon(reader, rebuild, ends[topics.REQUESTS])
        first = reader.offset_at(topics.COMPLETIONS, self._partition, since)
        if first >= 0:
            for message in self._messages(
                reader, topics.COMPLETIONS, first, ends[topics.COMPLETIONS]
            ):
                rebuild.completion(_key(message), message.timestamp()[1])
        return rebuild

    def _messages(
        self, reader: PartitionReader, topic: str, start: int, end: int
    ) -> Iterator[Message]:
        for batch in reader.read(topic, self._partition, start, end):
            yield from batch

    def _hint(self, reader: PartitionReader, rebuild: Rebuild[S], end: int) -> int:
        newest = None
        for start in (max(0, end - _NEWEST), 0):
            for message in self._messages(reader, topics.RESTORE, start, end):
                newest = message.value() or newest
            if newest is not None or start == 0:
                break
        return rebuild.hint(newest) if newest is not None else 0

    def _horizon(self, reader: PartitionReader, rebuild: Rebuild[S], end: int) -> int:
        """Return the time in milliseconds from which ends of runs must be remembered."""
        oldest = time.time() * 1000
        unread = rebuild.position(topics.REQUESTS)
        for message in self._messages(reader, topics.REQUESTS, unread, end):
            oldest = min(oldest, message.timestamp()[1])
            break
        return int(oldest - (self._config.dedupe_horizon + CLOCK_SLACK_SECONDS) * 1000)


def _key(message: Message) -> str:
    return (message.key() or b"").decode()
