"""Opening a lane: reading its partition's state back from the log.

The order matters:
1. the lane's producer is made first (by the caller), which fences every older one and settles
   what it left open: from then on nobody else writes to this partition of the journal
2. the ends of the partitions are asked for, open transactions included
3. the newest restore point, the parked copies, the journal from the point to its end
4. the completions of the last horizon before the next unread request: a request in it may repeat
   one whose aggregate has ended
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Generic

from confluent_kafka import KafkaException

from runfold.events.errors import WireError
from runfold.infra.process.failpoints import failpoint
from runfold.processors.engine.aggregate import S
from runfold.processors.engine.config import EngineConfig
from runfold.processors.engine.core.history import BrokenChain
from runfold.processors.engine.core.partition_state import PartitionState
from runfold.processors.engine.core.progress import Progress
from runfold.processors.engine.core.rebuild import Rebuild
from runfold.processors.engine.faults import LaneFault, translated
from runfold.processors.engine.kafka.restoring.partition_reader import PartitionReader
from runfold.processors.engine.kafka.restoring.strange_inputs import Strange, strange
from runfold.processors.engine.kafka.restoring.whole import JournalFault
from runfold.processors.engine.metrics import RESTORE_RECORDS
from runfold.processors.engine.ports import Codec
from runfold.processors.engine.spec import AggregateSpec
from runfold.producers.errors import UnreadableError
from runfold.producers.log.tail import RawRecord
from runfold.producers.log.topics.remembered import Remembered
from runfold.producers.log.topics.topic_ids import is_of

logger = logging.getLogger(__name__)

CLOCK_SLACK_SECONDS = 300.0
"""How far the clocks of the brokers and of ours may differ."""

_NEWEST = 64


class Restore(Generic[S]):
    """Reads the state of one partition.

    With ``take_new`` an input topic that is another one than the journal speaks of is begun at its
    beginning; ``taken`` then says which. ``gone`` are inputs that were deleted unread.
    With ``accept_lost`` a journal that has lost something is read as it is; ``fault`` then says
    what, ``lost`` are aggregates whose beginning is gone, and ``seen`` all that have an event.
    """

    def __init__(
        self,
        config: EngineConfig,
        spec: AggregateSpec[S],
        codec: Codec,
        partition: int,
        beat: Callable[[], None],
        *,
        take_new: bool = False,
        accept_lost: bool = False,
    ) -> None:
        self._config = config
        self._spec = spec
        self._topics = spec.topics
        self._codec = codec
        self._partition = partition
        self._beat = beat
        self._take_new = take_new
        self._accept_lost = accept_lost
        self.fault: JournalFault | None = None
        self.lost: set[str] = set()
        self.seen: set[str] = set()
        self.taken: list[Strange] = []
        self.gone: list[Strange] = []
        self._unnoted = False
        self._journal_id = ""

    def partition_state(self) -> PartitionState[S]:
        """Return the committed state of the partition.

        Raises LaneFault; BrokenChain, also for a position of another topic; and UnreadableError for
        what no new start can read either.
        """
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
        partition_state = rebuild.finish()
        # The journal must know which topics these are, also where it is all that is left.
        partition_state.unnoted = self._unnoted
        partition_state.journal_id = self._journal_id
        self.lost, self.seen = rebuild.lost, rebuild.seen
        RESTORE_RECORDS(str(self._partition)).set(rebuild.records)
        if newer := partition_state.newer:
            logger.warning(
                "%d of a newer release are left alone, such as %s", len(newer), min(newer)
            )
        seconds = time.monotonic() - began
        logger.info(
            "lane restored",
            extra={
                "partition": self._partition,
                "records": rebuild.records,
                "seconds": round(seconds, 3),
                "live": len(partition_state.live),
                "ended": len(partition_state.ended),
                "positions": dict(partition_state.positions),
            },
        )
        return partition_state

    def _read(self, reader: PartitionReader) -> Rebuild[S]:
        rebuild = Rebuild(self._spec, self._codec, accepts=self._accept_lost)
        topics = self._topics
        ends = reader.ends(topics.all, self._partition)
        start = self._hint(reader, rebuild, ends[topics.restore])
        for message in self._messages(reader, topics.parked, 0, ends[topics.parked]):
            rebuild.parked(_key(message), message.value())
        rebuild.parked_done()
        failpoint("restore.before_journal")
        start = self._whole(reader, rebuild, start)
        for message in self._messages(reader, topics.journal, start, ends[topics.journal]):
            value = message.value()
            if value is not None:
                rebuild.journal(message.offset() or 0, message.key(), value)
        rebuild.reached(ends[topics.journal])
        failpoint("restore.after_journal")
        self._hold_against_now(reader, rebuild)
        if topics.completions is not None:
            end = ends[topics.completions]
            newest = self._newest_end(reader, topics.completions, end)
            since = self._horizon(reader, rebuild, ends[topics.requests], newest)
            first = reader.offset_at(topics.completions, self._partition, since)
            for message in (
                self._messages(reader, topics.completions, first, end) if first >= 0 else ()
            ):
                rebuild.completion(_key(message), message.timestamp()[1])
        return rebuild

    def _whole(self, reader: PartitionReader, rebuild: Rebuild[S], start: int) -> int:
        """Return from where to read the journal; raises BrokenChain where it has lost something.

        Read from where it begins now, what was live before would be forgotten in silence.
        """
        journal = self._topics.journal
        now = reader.now((journal,), self._partition)[journal]
        self._journal_id = now.topic_id
        went_to = Remembered(*rebuild.journal_end)
        fault = JournalFault(journal, self._partition, start, went_to, now)
        if fault.fits:
            return start
        if not self._accept_lost:
            raise BrokenChain(fault.sentence())
        self.fault = fault
        return now.low if fault.begins_anew else start

    def _hold_against_now(self, reader: PartitionReader, rebuild: Rebuild[S]) -> None:
        """Raise BrokenChain where a position is of another topic than is there now."""
        progress, now = rebuild.progress, reader.now(self._topics.inputs, self._partition)
        found = strange(self._partition, remembered(progress, now), now)
        stopping = [each for each in found if each.stops]
        if stopping and not self._take_new:
            raise BrokenChain(" ".join(each.sentence() for each in stopping))
        for each in stopping:
            progress.begin(each.topic, 0, each.new_id())
        self.taken = stopping
        for topic, at in now.items():
            if not is_of(progress.ids.get(topic, ""), at.topic_id):
                progress.ids[topic] = at.topic_id
                self._unnoted = True
        self.gone = strange(self._partition, remembered(progress, now), now)

    def _messages(
        self, reader: PartitionReader, topic: str, start: int, end: int
    ) -> Iterator[RawRecord]:
        for batch in reader.read(topic, self._partition, start, end):
            yield from batch

    def _hint(self, reader: PartitionReader, rebuild: Rebuild[S], end: int) -> int:
        """Take the newest restore point that can be read; the journal says as much, slowly."""
        for start in (max(0, end - _NEWEST), 0):
            messages = self._messages(reader, self._topics.restore, start, end)
            values = [value for message in messages if (value := message.value()) is not None]
            for value in reversed(values):
                try:
                    return rebuild.hint(value)
                except WireError as error:
                    logger.warning("a restore point is passed by: %s", error.reason)
            if start == 0:
                break
        return 0

    def _newest_end(self, reader: PartitionReader, topic: str, end: int) -> float:
        """Return the earliest time of the last ends in ms, infinity where there is none."""
        times: list[int] = []
        # What cannot be read here may be older than all that has to be remembered.
        with suppress(UnreadableError):
            for message in self._messages(reader, topic, max(0, end - _NEWEST), end):
                times.append(message.timestamp()[1])  # noqa: PERF401 - those before it count
        return min(times, default=math.inf)

    def _horizon(
        self, reader: PartitionReader, rebuild: Rebuild[S], end: int, newest: float
    ) -> int:
        """Return the time in milliseconds from which ends must be remembered.

        ``newest`` is when the last ends were written: this machine's clock may be ahead now, or
        the one that wrote them may have been behind.
        """
        oldest = min(time.time() * 1000, newest)
        unread = rebuild.position(self._topics.requests)
        while True:
            try:
                for message in self._messages(reader, self._topics.requests, unread, end):
                    oldest = min(oldest, message.timestamp()[1])
                    break
            except UnreadableError as broken:
                # The router passes it by, and the first request is the one behind it.
                unread = reader.end_of_batch(broken)
            else:
                break
        return int(oldest - (self._config.dedupe_horizon + CLOCK_SLACK_SECONDS) * 1000)


def remembered(progress: Progress, topics: Iterable[str]) -> dict[str, Remembered]:
    """Return how far the inputs are, with the topics that they are of."""
    return {
        topic: Remembered(progress.positions.get(topic, 0), progress.ids.get(topic, ""))
        for topic in topics
    }


def _key(message: RawRecord) -> str:
    # What others wrote there is no key of anything that lives here.
    return (message.key() or b"").decode(errors="replace")
