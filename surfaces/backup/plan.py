"""What a restored topic holds: the records of a back-up that belong to its journal.

- The journals and the registry keep every offset: events name positions of the registry, and
  programs that follow the journal remember offsets of it. Marks of transactions stood between the
  records; in their place stand records that say nothing.
- Inputs that are decided are not restored: their journal records them. The others stand from the
  position on to which the journal has come. So no offset that an event or a dead letter names is
  given to another record.
- A completion is restored if the journal has the run's end, a dead letter if its input is decided,
  a message between lanes if its sender's journal has it: what came after is written again.
- A result that came after the back-up had begun is restored if its call is open in the journal.
- The work of pools is what the open calls ask for, unless their result is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.headers import headers
from runfold.events.avro.vocabulary import TENANTS as TENANT_RECORDS
from runfold.events.calls import CallResult, CallWork
from runfold.events.definitions import Definitions, StoreRecord
from runfold.events.errors import WireError
from runfold.events.records.operations import DeadLetter
from runfold.processors.definitions.record import fold
from runfold.processors.engine.core.outbox import origin_of
from runfold.processors.run.aggregate import RUNS
from runfold.processors.run.dispatch import pooled
from runfold.processors.run.draft import DefinitionMissingError
from runfold.surfaces.backup import records
from runfold.surfaces.backup.cut import (
    CallKey,
    Cut,
    Cuts,
    JournalCut,
    cut_of,
    need_whole,
    tenants_cut_of,
)
from runfold.surfaces.backup.manifest import Manifest, PartitionSaid
from runfold.surfaces.backup.records import Kept
from runfold.surfaces.backup.source import INPUTS, JOURNALS

SAME_OFFSETS = (*JOURNALS, topics.REGISTRY)
"""The topics whose records keep their offsets, each."""


@dataclass(slots=True)
class Plan:
    """A back-up in a folder, and what is to be written of it; may be asked again and again.

    ``cuts`` are those of the journal of runs, ``tenants`` those of tenants, none where the back-up
    has no such journal.
    """

    folder: Path
    manifest: Manifest
    codec: Codec
    cuts: dict[int, Cut] = field(default_factory=dict)
    tenants: dict[int, JournalCut] = field(default_factory=dict)

    def fold(self) -> None:
        """Fold the journals; raises BackupError where one is not whole, or is no journal."""
        for said in self.manifest.of(topics.EVENTS):
            found = records.read(self.folder / said.file.path)
            self.cuts[said.partition] = cut_of(found, said.partition, said.end, self.codec)
        codec = Codec(self.codec.registry, TENANT_RECORDS)
        for said in self.manifest.of(topics.TENANT_EVENTS):
            found = records.read(self.folder / said.file.path)
            self.tenants[said.partition] = tenants_cut_of(found, said.partition, said.end, codec)
        need_whole(self.cuts, self.tenants)

    def takers(self, topic: str) -> Cuts:
        """Return the journals of those who take an input."""
        return self.tenants if topic == topics.TENANT_REQUESTS else self.cuts

    def begins(self, said: PartitionSaid) -> int:
        """Return the first offset of a restored partition."""
        if said.topic not in INPUTS:
            return 0
        return self.takers(said.topic)[said.partition].decided(said.topic)

    def records(self, said: PartitionSaid) -> Iterator[Kept]:
        """Yield the records of a restored partition, at the offsets that they will have."""
        found = records.read(self.folder / said.file.path)
        if said.topic in SAME_OFFSETS:
            yield from found
            return
        at = self.begins(said)
        for each in found:
            if self._belongs(said, each):
                yield each._replace(offset=at)
                at += 1

    def fillers(self, said: PartitionSaid) -> int:
        """Return how many offsets of a restored partition no record of the back-up stands at."""
        return said.end - said.records if said.topic in SAME_OFFSETS else self.begins(said)

    def missing(self, said: PartitionSaid) -> int:
        """Return how many offsets nobody had decided, and that were gone before the back-up."""
        return max(0, said.start - self.begins(said)) if said.topic in INPUTS else 0

    def missing_artifacts(self) -> set[str]:
        """Return the artifacts that the journal names and the back-up does not have."""
        there = {Path(each.path).name for each in self.manifest.artifacts}
        return {name for cut in self.cuts.values() for name in cut.artifacts} - there

    def work(self, now: datetime) -> Iterator[tuple[str, int, Kept]]:
        """Yield topic, partition and record of the work of every pool."""
        definitions = self._definitions()
        answered = self._answered()
        for cut in self.cuts.values():
            for run_id, state in cut.live.items():
                try:
                    out = pooled(state, definitions)
                except DefinitionMissingError:
                    # Its deadline fails the call, as it would have there.
                    continue
                for work in out:
                    record = work.record
                    assert isinstance(record, CallWork)
                    if (run_id, record.call_id, record.attempt) not in answered:
                        yield self._piece(record, cut.partition, state.traceparent, now)

    def _piece(
        self, work: CallWork, partition: int, traceparent: str, now: datetime
    ) -> tuple[str, int, Kept]:
        topic = RUNS.work_topics[type(work)]
        named = headers(
            type(work).__name__, RUNS.name_of(work), RUNS.source, now, work.run_id, traceparent
        )
        millis = int(now.timestamp() * 1000)
        value = self.codec.encode(topic, work)
        return topic, partition, Kept(0, millis, work.run_id.encode(), value, tuple(named))

    def _belongs(self, said: PartitionSaid, each: Kept) -> bool:
        if said.topic == topics.COMPLETIONS:
            return (each.key or b"").decode(errors="replace") in self.cuts[said.partition].ended
        if said.topic == topics.DEAD_LETTERS:
            return self._is_decided(each)
        if said.topic in INPUTS:
            return each.offset >= self.begins(said) and self._is_input(said, each)
        return True

    def _is_decided(self, each: Kept) -> bool:
        try:
            letter = self.codec.decode(topics.DEAD_LETTERS, each.value)
        except WireError:
            return True
        if not isinstance(letter, DeadLetter) or letter.topic not in INPUTS or letter.offset < 0:
            return True
        cut = self.takers(letter.topic).get(letter.partition)
        return cut is None or letter.offset < cut.decided(letter.topic)

    def _is_input(self, said: PartitionSaid, each: Kept) -> bool:
        try:
            origin = origin_of(each.headers)
        except ValueError:
            origin = None
        if origin is not None and origin.journal in JOURNALS:
            senders: Cuts = self.cuts if origin.journal == topics.EVENTS else self.tenants
            sender = senders.get(origin.partition)
            return sender is None or origin.number <= sender.sent_to(said.topic, said.partition)
        if said.topic != topics.RESULTS or each.offset < said.before:
            return True
        called = self._call_of(each)
        cut = self.cuts[said.partition]
        return called is None or called in cut.open_calls or called[0] in cut.ended

    def _call_of(self, each: Kept) -> CallKey | None:
        try:
            result = self.codec.decode(topics.RESULTS, each.value)
        except WireError:
            return None
        if not isinstance(result, CallResult):
            return None
        return result.run_id, result.call_id, result.attempt

    def _answered(self) -> set[CallKey]:
        found = set[CallKey]()
        for said in self.manifest.of(topics.RESULTS):
            called = map(self._call_of, self.records(said))
            found.update(each for each in called if each is not None)
        return found

    def _definitions(self) -> Definitions:
        found = Definitions()
        for said in self.manifest.of(topics.REGISTRY):
            for each in records.read(self.folder / said.file.path):
                try:
                    record = self.codec.decode(topics.REGISTRY, each.value)
                except WireError:
                    continue
                if isinstance(record, StoreRecord):
                    found, _ = fold(found, record, each.offset)
        return found


def live_and_ended(cuts: Mapping[int, Cut]) -> tuple[int, int]:
    """Return how many runs live and how many have ended."""
    live = sum(len(cut.live) for cut in cuts.values())
    return live, sum(len(cut.ended) for cut in cuts.values())


def probes(cuts: Mapping[int, Cut]) -> int:
    """Return how many of all runs are those of a probe."""
    return sum(len(cut.probes) for cut in cuts.values())


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)
