"""The events of one aggregate that may be live, as they are read back, and their folding."""

from __future__ import annotations

import hashlib

from runfold.events.base import Record
from runfold.events.errors import ShutError, WireError
from runfold.processors.engine.aggregate import NewerReleaseError, S
from runfold.processors.engine.core.event_builder import GENESIS
from runfold.processors.engine.core.partition_state import Tracked
from runfold.processors.engine.ports import Codec, JournalEvent
from runfold.processors.engine.spec import AggregateSpec

NEWER = frozenset({"unknown_schema", "wrong_topic"})
"""Why what a newer release wrote cannot be read: its schema is not known, or its kind."""


class BrokenChain(Exception):  # noqa: N818 - the name says what is broken
    """The journal contradicts itself; the lane must not go on from it."""


class NewerJournal(BrokenChain):
    """A record of the journal itself, of no one aggregate, is a newer release's."""


class History:
    """Values of one aggregate in order; those that were read already are skipped.

    ``first_offset`` is the journal offset of the first one that stands in no parked copy;
    ``parts`` are the first seqs of the copies. ``carried`` says that the first event carries over
    what came before it.
    """

    __slots__ = ("carried", "first_offset", "first_seq", "key", "parts", "seq", "values")

    def __init__(self, key: str, *, carried: bool = False) -> None:
        self.key = key
        self.carried = carried
        self.first_offset: int | None = None
        self.first_seq = 0
        self.seq = 0
        self.parts: list[int] = []
        self.values: list[bytes] = []

    def follow(self, seq: int, value: bytes, offset: int | None) -> None:
        """Take one more event; raises BrokenChain where one is missing before it."""
        if not self.values:
            self.first_seq = seq
        elif seq <= self.seq:
            return
        elif seq != self.seq + 1:
            raise BrokenChain(
                f"{self.key} goes from event {self.seq} to event {seq}: "
                "the journal lacks what is between; restore it from a copy before going on"
            )
        if self.first_offset is None:
            self.first_offset = offset
        self.seq = seq
        self.values.append(value)

    @property
    def begins(self) -> bool:
        """Whether its first event is the first of all, or carries over what was before."""
        return self.first_seq == 1 or self.carried

    def fold(self, spec: AggregateSpec[S], codec: Codec) -> Tracked[S]:
        """Return what is tracked after the last event.

        Raises BrokenChain for a broken link, NewerReleaseError for what only another release knows.
        """
        if not self.begins:
            for value in self.values:
                # Where a newer release knows how it goes on, nothing is broken.
                _decoded(value, spec, codec)
            raise BrokenChain(
                f"{self.key} is live, but the first of its events that was read is number "
                f"{self.first_seq}: the restore point is beyond its beginning; delete the records "
                f"of {spec.topics.restore} to read the journal from its start"
            )
        state: S | None = None
        digest: bytes | None = None if self.carried else GENESIS
        event: JournalEvent | None = None
        for value in self.values:
            event = _decoded(value, spec, codec)
            if digest is not None and event.meta.prev_hash != digest:
                raise BrokenChain(
                    f"event {event.id} does not name the event before it: "
                    "the journal was changed; restore it from a copy before going on"
                )
            digest = hashlib.sha256(value).digest()
            state = spec.aggregate.evolve(state, event.fact, event.meta.time)
        assert state is not None
        assert event is not None
        assert digest is not None
        return Tracked(
            state,
            self.seq,
            digest,
            spec.aggregate.next_timer(state),
            event.meta.time,
            self.first_offset,
            tuple(self.parts),
        )


def _decoded(value: bytes, spec: AggregateSpec[S], codec: Codec) -> JournalEvent:
    try:
        decoded = codec.decode(spec.topics.journal, value)
    except WireError as error:
        if isinstance(error, ShutError):
            # Nothing can be decided of it by anybody; it is left alone as what is newer is.
            raise NewerReleaseError(error.reason) from error
        # Where all releases share a registry, it is the kind of event that this one does not know.
        if error.code not in NEWER:
            raise BrokenChain(f"an event cannot be read: {error.reason}") from error
        raise NewerReleaseError(error.reason) from error
    assert not isinstance(decoded, Record)
    # With a registry that all releases share, what was added is left out without a word.
    if unknown := codec.beyond(value):
        raise NewerReleaseError(f"its schema has {unknown}, which this release does not know")
    return decoded
