"""What a partition of the journal says: how far its inputs are decided, what lives, what ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.errors import WireError
from runfold.events.probe import PROBE_TENANT
from runfold.events.run import Event, RunCreated
from runfold.processors.engine.aggregate import S
from runfold.processors.engine.core.history import BrokenChain, NewerJournal
from runfold.processors.engine.core.outbox import Place
from runfold.processors.engine.core.partition_state import PartitionState
from runfold.processors.engine.core.progress import Progress
from runfold.processors.engine.core.rebuild import Rebuild
from runfold.processors.engine.spec import AggregateSpec
from runfold.processors.run.aggregate import RUNS
from runfold.processors.run.state import CallStatus, Live, RunState
from runfold.processors.tenant.aggregate import TENANTS
from runfold.surfaces.audit.contents import contents_of
from runfold.surfaces.backup.errors import BackupError, NotABackupError
from runfold.surfaces.backup.records import Kept

_ENDS = frozenset(fact.__name__ for fact in RUNS.terminal)

_CREATED = RunCreated.__name__
_PROBE = PROBE_TENANT.encode()
_NAMES_ONE = b"artifact:"

CallKey = tuple[str, str, int]
"""A run, a call of it, and the attempt."""


@dataclass(frozen=True, slots=True)
class JournalCut:
    """A partition of a journal up to a back-up's moment, and how far its lane was by then.

    ``end`` is the offset behind the last event.
    """

    partition: int
    progress: Progress
    end: int

    def decided(self, topic: str) -> int:
        """Return the next offset to take of an input topic."""
        return self.progress.positions.get(topic, 0)

    def sent_to(self, topic: str, partition: int) -> int:
        """Return the number of the last message to another lane."""
        return self.progress.sent.get((topic, partition), 0)


@dataclass(frozen=True, slots=True)
class Cut(JournalCut):
    """A partition of the journal of runs.

    ``live`` are the states of the runs that live, ``ended`` the ids of the others, ``open_calls``
    what waits for a result. ``artifacts`` are those that an event names, each by its sha256 in
    hexadecimal; ``probes`` are the runs that ``runfold up`` made to see that runs complete.
    """

    live: Mapping[str, RunState]
    ended: frozenset[str]
    open_calls: frozenset[CallKey]
    artifacts: frozenset[str] = frozenset()
    probes: frozenset[str] = frozenset()


Cuts = Mapping[int, JournalCut]


def cut_of(records: Iterable[Kept], partition: int, end: int, codec: Codec) -> Cut:
    """Fold a partition of the journal of runs; raises BackupError where it is not whole."""
    ended, named, probes = set[str](), set[str](), set[str]()

    def seen(value: bytes) -> None:
        nonlocal named, probes
        if _NAMES_ONE in value:
            named |= _artifacts(codec, value)
        begins = codec.peek(value)
        if begins is not None and begins.kind == _CREATED and _PROBE in value:
            probes |= _probes(codec, value)
        if begins is not None and begins.kind in _ENDS:
            ended.add(begins.key)

    state = _folded(RUNS, codec, records, partition, seen)
    live = {key: tracked.state for key, tracked in state.live.items()}
    return Cut(
        partition,
        state.progress,
        end,
        live,
        frozenset(ended),
        _open_calls(live),
        frozenset(named),
        frozenset(probes),
    )


def tenants_cut_of(records: Iterable[Kept], partition: int, end: int, codec: Codec) -> JournalCut:
    """Fold a partition of the journal of tenants; raises BackupError where it is not whole.

    The codec is that of tenants.
    """
    state = _folded(TENANTS, codec, records, partition, lambda _value: None)
    return JournalCut(partition, state.progress, end)


def _folded(
    spec: AggregateSpec[S],
    codec: Codec,
    records: Iterable[Kept],
    partition: int,
    seen: Callable[[bytes], None],
) -> PartitionState[S]:
    rebuild, journal = Rebuild(spec, codec), spec.topics.journal
    try:
        for each in records:
            if each.value is None:
                continue
            # First: it says what is of a newer release.
            rebuild.journal(each.offset, each.key, each.value)
            if rebuild.newer:
                break
            seen(each.value)
        state = rebuild.finish()
    except NewerJournal as newer:
        raise BackupError(f"{newer}, to back up and to restore.") from newer
    except (BrokenChain, WireError) as broken:
        raise BackupError(f"{journal}/{partition} is not whole: {broken}.") from broken
    if state.newer:
        raise BackupError(
            f"{journal}/{partition} has {spec.name} of a newer release, such as "
            f"{min(state.newer)}: back up, and restore, with that release."
        )
    return state


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


def need_whole(runs: Cuts, tenants: Cuts) -> None:
    """Raise BackupError where a lane has taken a message that its sender's journal does not have.

    The ends of the partitions are fixed within milliseconds, not at once. Raises NotABackupError
    where runs have spoken to tenants whose journal is not there.
    """
    journals = {RUNS.topics.journal: runs, TENANTS.topics.journal: tenants}
    for spec, cuts in ((RUNS, runs), (TENANTS, tenants)):
        for cut in cuts.values():
            for sender, number in cut.progress.heard.items():
                _need_sent(journals, sender, (cut, spec.topics.inputs), number)
    if not tenants and any(_speaks_to_tenants(cut) for cut in runs.values()):
        raise NotABackupError(
            "The back-up lacks the journals of the tenants that its runs speak to: make it again "
            "with this release."
        )


def _need_sent(
    journals: Mapping[str, Cuts], sender: Place, to: tuple[JournalCut, tuple[str, ...]], number: int
) -> None:
    (name, partition), (receiver, inputs) = sender, to
    found = journals.get(name, {}).get(partition)
    if found is None:
        return
    sent = max(found.sent_to(topic, receiver.partition) for topic in inputs)
    if number > sent:
        raise BackupError(
            f"Lane {receiver.partition} has taken message {number} of lane {partition} of {name}, "
            "whose journal ends before it: begin the back-up again, or make it with the processors "
            "stopped."
        )


def _speaks_to_tenants(cut: JournalCut) -> bool:
    return any(topic == topics.TENANT_REQUESTS for topic, _ in cut.progress.sent)
