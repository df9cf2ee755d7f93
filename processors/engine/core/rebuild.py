"""Folding a partition's state again from what is committed, without I/O.

Feed order: the hint, the parked copies, the journal from the hint's offset to its end, the
completions of the last while, then ``finish``. What ends on the way is never folded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic

from runfold.events.base import Record
from runfold.events.errors import WireError
from runfold.events.records.operations import PositionNoted, RestorePoint
from runfold.processors.engine.aggregate import NewerReleaseError, S
from runfold.processors.engine.core.history import NEWER, BrokenChain, History, NewerJournal
from runfold.processors.engine.core.outbox import Outgoing, outgoing
from runfold.processors.engine.core.parked_copy import parked_values
from runfold.processors.engine.core.partition_state import PartitionState
from runfold.processors.engine.core.progress import END, LOST, Progress
from runfold.processors.engine.ports import Codec
from runfold.processors.engine.spec import AggregateSpec


class Rebuild(Generic[S]):
    """Makes a partition's state of what is read back.

    With ``resends`` it keeps what may have to be sent again: messages of events that are not known
    to be where they belong. ``lost`` are aggregates whose beginning is gone, where an operator has
    accepted that, or does so now (``accepts``); ``seen`` are all that have an event then.
    ``journal_end`` is how far the journal went when the hint was written, and its topic's id.
    """

    def __init__(
        self,
        spec: AggregateSpec[S],
        codec: Codec,
        *,
        resends: bool = False,
        accepts: bool = False,
    ) -> None:
        self._spec = spec
        self._codec = codec
        self._inputs = frozenset(spec.topics.inputs)
        self._ends = frozenset(fact.__name__ for fact in spec.terminal)
        self._carries = frozenset(fact.__name__ for fact in spec.carries)
        self._sending = frozenset(fact.__name__ for fact in spec.outbox) if resends else frozenset()
        self._sent: list[tuple[int, bytes]] = []
        self._histories: dict[str, History] = {}
        self._partition_state: PartitionState[S] = PartitionState()
        self._parked: dict[str, bytes] = {}
        self._accepts = accepts
        self._lost_mark = LOST + spec.topics.journal
        self.lost: set[str] = set()
        self.seen: set[str] = set()
        self.journal_end: tuple[int, str] = (0, "")
        self.records = 0

    def hint(self, value: bytes) -> int:
        """Take a restore point and return the journal offset to read from; raises WireError."""
        point = self._codec.decode(self._spec.topics.restore, value)
        assert isinstance(point, RestorePoint)
        journal = self._spec.topics.journal
        ends = [each for each in point.positions if each.topic == END + journal]
        self.progress.take((each for each in point.positions if each not in ends), journal)
        for each in ends:
            self.journal_end = each.offset, each.topic_id
        self._partition_state.end = point.journal_offset
        return point.journal_offset

    def parked(self, key: str, value: bytes | None) -> None:
        """Take one record of the compacted copies; a later one replaces an earlier one."""
        self.records += 1
        if value is None:
            self._parked.pop(key, None)
        else:
            self._parked[key] = value

    def parked_done(self) -> None:
        """Begin the histories of what is parked: the copies that were not dropped."""
        copies = []
        for part, value in self._parked.items():
            key, _, first_seq = part.rpartition("/")
            if not (first_seq.isascii() and first_seq.isdecimal()):
                # No copy of ours: nobody else's record keeps a lane from opening.
                continue
            try:
                record = self._codec.decode(self._spec.topics.parked, value)
            except WireError as error:
                if error.code not in NEWER:
                    raise BrokenChain(f"the copy {part} cannot be read: {error.reason}") from error
                self._partition_state.newer.setdefault(key, self._partition_state.end)
                continue
            assert isinstance(record, Record)
            copies.append((key, int(first_seq), parked_values(record)))
        for key, first, values in sorted(copies, key=lambda copy: copy[:2]):
            history = self._history(key)
            if not history.values:
                history.carried = self._carried(key, values[0])
            history.parts.append(first)
            for seq, value in enumerate(values, first):
                history.follow(seq, value, None)
        self._parked.clear()

    def _carried(self, key: str, first: bytes) -> bool:
        if not self._carries:
            return False
        try:
            begins = self._codec.peek(first)
        except WireError as error:
            if error.code not in NEWER:
                raise BrokenChain(f"{key} cannot be read: {error.reason}") from error
            self._partition_state.newer.setdefault(key, self._partition_state.end)
            return False
        return begins is not None and begins.kind in self._carries

    def journal(self, offset: int, key: bytes | None, value: bytes) -> None:
        """Take one record of the journal; raises BrokenChain where an event is missing."""
        self.records += 1
        self._partition_state.end = offset + 1
        try:
            begins = self._codec.peek(value)
        except WireError as error:
            self._leave_alone(offset, key, error)
            return
        if begins is None:
            self._note(offset, value)
            return
        kind, name, seq, cause = begins
        topic, _, place = cause.partition("/")
        if topic in self._inputs:
            self.progress.advance(topic, int(place.rpartition("/")[2]) + 1)
        if self._accepts:
            self.seen.add(name)
        if kind in self._sending:
            self._sent.append((offset, value))
        if kind in self._ends:
            self._histories.pop(name, None)
            self._partition_state.newer.pop(name, None)
        elif name not in self._partition_state.newer:
            self._follow(kind, name, seq, value, offset)

    def _leave_alone(self, offset: int, key: bytes | None, error: WireError) -> None:
        """Leave what a newer release wrote of an aggregate to it; raises BrokenChain."""
        name = text_or_none(key)
        if error.code != "unknown_schema" or not name:
            raise self._unreadable(offset, error) from error
        self._partition_state.newer.setdefault(name, offset)

    def _note(self, offset: int, value: bytes) -> None:
        try:
            noted = self._codec.decode(self._spec.topics.journal, value)
        except WireError as error:
            raise self._unreadable(offset, error) from error
        assert isinstance(noted, PositionNoted)
        self.progress.take(noted.positions, self._spec.topics.journal)

    def _unreadable(self, offset: int, error: WireError) -> BrokenChain:
        """Return why nothing can go on from a record that is of no one aggregate, or of none."""
        where = f"{self._spec.topics.journal} has at offset {offset} a record"
        if error.code in NEWER:
            return NewerJournal(
                f"{where} that this release does not know ({error.reason}), and that is of no one "
                "run, so what it says cannot be left out: use the release that wrote it"
            )
        return BrokenChain(
            f"{where} that cannot be read ({error.reason}): the journal was damaged or written by "
            "somebody else; restore it from a copy before going on"
        )

    def _follow(self, kind: str, name: str, seq: int, value: bytes, offset: int) -> None:
        history = self._history(name)
        if kind in self._carries and seq > history.seq:
            # What came before it is not needed, and its copies were dropped with it.
            history = self._histories[name] = History(name, carried=True)
        try:
            history.follow(seq, value, offset)
        except BrokenChain:
            if not self._is_lost(offset):
                raise
            self.lost.add(name)
            del self._histories[name]

    def completion(self, key: str, time_ms: int) -> None:
        """Take one end, oldest first."""
        self._partition_state.ended[key] = time_ms

    def position(self, topic: str) -> int:
        """Return the next offset to take of an input topic, as far as it is known by now."""
        return self.progress.positions.get(topic, 0)

    def reached(self, offset: int) -> None:
        """Note that the journal is read up to an offset, whatever stands at its end."""
        self._partition_state.end = max(self._partition_state.end, offset)

    def finish(self) -> PartitionState[S]:
        """Fold what is live and return the partition's state; raises BrokenChain."""
        newer = self._partition_state.newer
        for key, history in self._histories.items():
            if not history.begins and self._is_lost(history.first_offset):
                self.lost.add(key)
                continue
            first = history.first_offset
            if key in newer:
                newer[key] = newer[key] if first is None else min(first, newer[key])
                continue
            try:
                self._partition_state.live[key] = history.fold(self._spec, self._codec)
            except NewerReleaseError:
                newer[key] = self._partition_state.end if first is None else first
        self._histories = {}
        return self._partition_state

    def undelivered(self) -> list[Outgoing]:
        """Return what was sent last and may not have arrived, in the order of its events."""
        known, journal = self.progress.delivered or 0, self._spec.topics.journal
        found: list[Outgoing] = []
        for offset, value in self._sent:
            event = self._codec.decode(journal, value)
            if offset < known or isinstance(event, Record):
                continue
            sends = self._spec.outbox[type(event.fact)](event.meta, event.fact)
            found += outgoing(sends, event.id, event.meta.time, event.meta.traceparent)
        return found

    @property
    def progress(self) -> Progress:
        """How far the inputs are, as far as it is known by now."""
        return self._partition_state.progress

    @property
    def newer(self) -> Mapping[str, int]:
        """What only a newer release can read, as far as it is known by now."""
        return self._partition_state.newer

    def _is_lost(self, offset: int | None) -> bool:
        """Whether an event may lack what was before it: an operator has accepted that, or does."""
        accepted = self.progress.positions.get(self._lost_mark, 0)
        return self._accepts or (offset is not None and offset < accepted)

    def _history(self, key: str) -> History:
        history = self._histories.get(key)
        if history is None:
            history = self._histories[key] = History(key)
        return history


def text_or_none(key: bytes | None) -> str | None:
    """Return a key as text, None where it is none."""
    try:
        return key.decode() if key else None
    except UnicodeDecodeError:
        return None
