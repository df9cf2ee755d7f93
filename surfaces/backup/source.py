"""What is read of the topics, and up to where: ends that are fixed before anything is read.

The order of the ends makes the cut a whole one:

1. the ends of the inputs, before: a result before them is of a call that the journal has
2. the ends of the journals, of runs and of tenants, of all partitions at once: this is the moment
   of the back-up
3. the ends of the inputs and of all else, after: a request that was acknowledged before the back-up
   is in the journal or in the inputs, and every record that stands in one transaction with an event
   of the journal is there too. What is in them beyond the journal is told apart by ``plan``.

Lanes go on meanwhile. The topics of work, of restore points and of parked runs are not read: they
follow from the journal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field

from runfold.events import topics
from runfold.events.records.operations import RestorePoint
from runfold.producers.errors import UnavailableError, UnreadableError
from runfold.producers.log.consumers import Settings
from runfold.producers.log.kafka_tail import KafkaEnds, KafkaTail
from runfold.producers.log.port import LogReader
from runfold.producers.log.tail import Place, in_range
from runfold.producers.log.topics.beginnings import lost
from runfold.producers.log.topics.topic_ids import topic_ids
from runfold.producers.log.unreadable import end_of_batch
from runfold.surfaces.backup.errors import BackupError
from runfold.surfaces.backup.records import Kept, kept

JOURNALS = (topics.EVENTS, topics.TENANT_EVENTS)
INPUTS = (topics.REQUESTS, topics.CONTROLS, topics.RESULTS, topics.TENANT_REQUESTS)
BESIDE = (topics.COMPLETIONS, topics.DEAD_LETTERS)
"""Written in one transaction with the events that they belong to."""

WHOLE = (topics.REGISTRY, topics.ALERTS)
KEPT = (*JOURNALS, topics.REGISTRY, *BESIDE, topics.FEEDBACK, topics.ALERTS, *INPUTS)
"""The topics of a back-up, in the order in which they are read."""

WITHOUT_FEEDBACK = frozenset({topics.FEEDBACK})
TENANTS_ONLY = WITHOUT_FEEDBACK | {topics.TENANT_EVENTS, topics.TENANT_REQUESTS}
"""Those of them that back-ups of earlier releases do not have."""

_RESTORE = (topics.RESTORE, topics.TENANT_RESTORE)

_OWN: Settings = {"fetch.message.max.bytes": 4_000_000, "queued.min.messages": 20_000}


@dataclass(slots=True)
class Range:
    """What is read of a place: offsets from ``start`` to before ``end``.

    ``before`` is where it ended when the back-up began.
    """

    topic: str
    partition: int
    start: int
    before: int
    end: int
    unreadable: list[tuple[int, int]] = field(default_factory=list)

    @property
    def place(self) -> Place:
        """The topic and the partition."""
        return self.topic, self.partition


class Source:
    """The topics of a deployment, as they are backed up."""

    def __init__(self, kafka: Settings, reader: LogReader) -> None:
        self._kafka = kafka
        self._reader = reader
        self._ends = KafkaEnds(kafka)
        self.ids = topic_ids(kafka, KEPT)
        self.partitions = len(self._ends.places(topics.EVENTS))

    def ranges(self) -> list[Range]:
        """Fix what is read; raises BackupError where the journal has lost its beginning."""
        places = {name: self._ends.places(name) for name in KEPT}
        inputs = [place for name in INPUTS for place in places[name]]
        decided = self._decided()
        low = self._ends.low([place for name in KEPT for place in places[name]])
        self._need_whole(low)
        before = self._ends.high(inputs)
        journals = self._ends.stable([place for name in JOURNALS for place in places[name]])
        rest = [place for name in KEPT if name not in JOURNALS for place in places[name]]
        after = {**self._ends.high(rest), **journals}
        return [
            Range(
                *place,
                max(low[place], decided.get(place, 0)),
                before.get(place, after[place]),
                after[place],
            )
            for name in KEPT
            for place in places[name]
        ]

    def records(self, wanted: Range) -> Iterator[Kept]:
        """Yield the committed records of a range; batches of inputs that nobody can read are noted.

        Raises BackupError for such a batch elsewhere, and LogError.
        """
        at = wanted.start
        while at < wanted.end:
            try:
                yield from self._readable(wanted, at)
            except UnreadableError as broken:
                at = self._behind(wanted, broken, at)
            else:
                return

    def check(self) -> None:
        """Raise BackupError where the topics are others by now, or lost what was being read."""
        if topic_ids(self._kafka, KEPT) != self.ids:
            raise BackupError("A topic was created again while it was backed up: begin again.")
        places = [place for name in JOURNALS for place in self._ends.places(name)]
        self._need_whole(self._ends.low(places))

    def _readable(self, wanted: Range, at: int) -> Iterator[Kept]:
        with closing(KafkaTail(self._kafka, own=_OWN, lookup_s=2)) as tail:
            for batch in in_range(tail, {wanted.place: at}, {wanted.place: wanted.end}):
                yield from map(kept, batch)

    def _behind(self, wanted: Range, broken: UnreadableError, at: int) -> int:
        if wanted.topic not in INPUTS:
            raise BackupError(f"{broken} Nothing can be backed up without it.") from broken
        behind = end_of_batch(self._kafka, broken)
        if behind <= broken.offset:
            raise UnavailableError(str(broken)) from broken
        wanted.unreadable.append((max(at, broken.offset), behind))
        return behind

    def _decided(self) -> Mapping[Place, int]:
        """Return up to where inputs are decided at the least, as the restore points say."""
        newest: dict[Place, RestorePoint] = {}
        for topic in _RESTORE:
            for found in self._reader.read(topic):
                if isinstance(found.record, RestorePoint):
                    newest[topic, found.record.partition] = found.record
        return {
            (each.topic, each.partition): each.offset
            for point in newest.values()
            for each in point.positions
            if each.topic in INPUTS and each.topic_id == self.ids[each.topic]
        }

    def _need_whole(self, low: Mapping[Place, int]) -> None:
        for (name, partition), begins in sorted(low.items()):
            if name in JOURNALS and begins > 0:
                raise BackupError(
                    f"{lost(name, partition, begins)}. A back-up of the rest would look whole: "
                    "restore the last one that is, or keep the brokers' own files."
                )
