"""What a partition of the journal says: how far its inputs are decided, what lives, what ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.errors import WireError
from runfold.events.probe import PROBE_TENANT
from runfold.events.run import Event, RunCreated
from runfold.processors.engine.core.history import BrokenChain, NewerJournal
from runfold.processors.engine.core.outbox import Place
from runfold.processors.engine.core.progress import Progress
from runfold.processors.engine.core.rebuild import Rebuild
from runfold.processors.run.aggregate import RUNS
from runfold.processors.run.state import CallStatus, Live, RunState
from runfold.surfaces.audit.contents import contents_of
from runfold.surfaces.backup.errors import BackupError
from runfold.surfaces.backup.records import Kept

_ENDS = frozenset(fact.__name__ for fact in RUNS.terminal)

_CREATED = RunCreated.__name__
_PROBE = PROBE_TENANT.encode()
_NAMES_ONE = b"artifact:"

CallKey = tuple[str, str, int]
"""A run, a call of it, and the attempt."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A partition of the journal up to a back-up's moment.

    ``live`` are the states of the runs that live, ``ended`` the ids of the others, ``open_calls``
    what waits for a result; ``end`` is the offset behind the last event. ``artifacts``
    are those that an event names, each by its sha256 in hexadecimal; ``probes`` are the runs that
    ``runfold up`` made to see that runs complete.
    """

    partition: int
    progress: Progress
    live: Mapping[str, RunState]
    ended: frozenset[str]
    open_calls: frozenset[CallKey]
    end: int
    artifacts: frozenset[str] = frozenset()
    probes: frozenset[str] = frozenset()

    def decided(self, topic: str) -> int:
        """Return the next offset to take of an input topic."""
        return self.progress.positions.get(topic, 0)

    def sent_to(self, topic: str, partition: int) -> int:
        """Return the number of the last message to another lane."""
        return self.progress.sent.get((topic, partition), 0)


def cut_of(records: Iterable[Kept], partition: int, end: int, codec: Codec) -> Cut:
    """Fold a partition of the journal; raises BackupError where it is not whole."""
    rebuild, ended, named, probes = Rebuild(RUNS, codec), set[str](), set[str](), set[str]()
    try:
        for each in records:
            if each.value is None:
                continue
            # First: it says what is of a newer release.
            rebuild.journal(each.offset, each.key, each.value)
            if rebuild.newer:
                break
            if _NAMES_ONE in each.value:
                named |= _artifacts(codec, each.value)
            begins = codec.peek(each.value)
            if begins is not None and begins.kind == _CREATED and _PROBE in each.value:
                probes |= _probes(codec, each.value)
            if begins is not None and begins.kind in _ENDS:
                ended.add(begins.key)
        state = rebuild.finish()
    except NewerJournal as newer:
        raise BackupError(f"{newer}, to back up and to restore.") from newer
    except (BrokenChain, WireError) as broken:
        raise BackupError(f"{topics.EVENTS}/{partition} is not whole: {broken}.") from broken
    if state.newer:
        raise BackupError(
            f"{topics.EVENTS}/{partition} has runs of a newer release, such as "
            f"{min(state.newer)}: back up, and restore, with that release."
        )
    live = {key: tracked.state for key, tracked in state.live.items()}
    return Cut(
        partition,
        state.progress,
        live,
        frozenset(ended),
        _open_calls(live),
        end,
        frozenset(named),
        frozenset(probes),
    )


def _open_calls(live: Mapping[str, RunState]) -> frozenset[CallKey]:
    return frozenset(
        (run_id, call.call_id, call.attempt)
        for run_id, state in live.items()
        if isinstance(state, Live)
        for call in state.loop.calls
        if call.status is CallStatus.RUNNING
    )


def _artifacts(codec: Codec, value: bytes) -> set[str]:
    """Return the artifacts that an event names, not those that somebody wrote about."""
    event = codec.decode(topics.EVENTS, value)
    if not isinstance(event, Event):
        return set()
    refs = (content.ref for content in contents_of(event.fact))
    return {ref.rpartition("/")[2] for ref in refs if ref is not None}


def _probes(codec: Codec, value: bytes) -> set[str]:
    event = codec.decode(topics.EVENTS, value)
    if not isinstance(event, Event) or event.meta.tenant_id != PROBE_TENANT:
        return set()
    return {event.meta.run_id}


def need_whole(cuts: Mapping[int, Cut]) -> None:
    """Raise BackupError where a lane has taken a message that its sender's journal does not have.

    The ends of the partitions are fixed within milliseconds, not at once.
    """
    journal = topics.EVENTS
    for cut in cuts.values():
        for sender, number in cut.progress.heard.items():
            for topic in RUNS.topics.inputs:
                _need_sent(cuts, sender, (topic, cut.partition), number, journal)


def _need_sent(
    cuts: Mapping[int, Cut], sender: Place, to: Place, number: int, journal: str
) -> None:
    name, partition = sender
    if name != journal or partition not in cuts:
        return
    sent = max(cuts[partition].sent_to(topic, to[1]) for topic in RUNS.topics.inputs)
    if number > sent:
        raise BackupError(
            f"Lane {to[1]} has taken message {number} of lane {partition}, whose journal ends "
            f"before it: begin the back-up again, or make it with the processors stopped."
        )
