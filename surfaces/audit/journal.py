"""Verifying runs straight from the journal: no view and no process of Runfold is asked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from runfold.events import topics
from runfold.events.definitions import StoreRecord
from runfold.events.errors import ShutError
from runfold.events.records.operations import PositionNoted
from runfold.events.run import Event
from runfold.processors.engine.core.history import NEWER
from runfold.producers.log.port import Delivery, LogReader
from runfold.producers.log.topics.beginnings import TODO, lost
from runfold.surfaces.audit.completions import completions, within
from runfold.surfaces.audit.definitions import DefinitionHistory
from runfold.surfaces.audit.verifier import Fault, Verdict, Verifier

_TOLD_AFTER = 500


def definitions(reader: LogReader) -> DefinitionHistory:
    """Return the definitions of every position of the topic ``registry``."""
    return DefinitionHistory(
        [
            (found.place.offset, found.record)
            for found in reader.read(topics.REGISTRY)
            if isinstance(found.record, StoreRecord)
        ]
    )


def verify(
    reader: LogReader,
    run_id: str | None = None,
    among: Collection[int] | None = None,
    read: Callable[[int], None] = lambda _: None,
) -> Iterator[Verdict]:
    """Yield what is found of one run, or of every run on the journal, ended runs first.

    The journal is read up to where it ends when this begins, so that runs that go on meanwhile
    are judged by the same events. A partition that has lost its beginning has a verdict of its
    own, under the partition's name. A run's completion must say the same as the end that the
    journal records. With ``among`` only those partitions are read; ``read`` is told of the
    records that were read since it was last told.
    """
    yield from _beginnings(reader, among)
    ends = within(reader.ends(topics.EVENTS), among)
    history = definitions(reader)
    live: dict[str, Verifier] = {}
    done: dict[str, Verifier] = {}
    for number, found in enumerate(reader.read(topics.EVENTS, key=run_id, ends=ends), 1):
        if number % _TOLD_AFTER == 0:
            read(_TOLD_AFTER)
        if isinstance(found.record, PositionNoted):
            continue
        # What is of no run is of the journal itself.
        key = (found.key or str(found.place).encode()).decode("utf-8", "replace")
        verifier = done.get(key) or live.setdefault(key, Verifier(key, history))
        _take(verifier, found)
        if verifier.ended and key in live:
            done[key] = live.pop(key)
    told = completions(reader, done.keys(), run_id, ends, among)
    for key, verifier in (*done.items(), *live.items()):
        yield verifier.verdict(told.pop(key, None))
    for key in told:
        missing = Fault(0, "missing", "it completed, but the journal has no event of it")
        yield Verdict(key, 0, 0, True, (missing,))


def _beginnings(reader: LogReader, among: Collection[int] | None) -> Iterator[Verdict]:
    """Yield a verdict on each partition of the journal that has lost its beginning."""
    for partition, low in sorted(within(reader.begins(topics.EVENTS), among).items()):
        if low > 0:
            fault = Fault(0, "missing", f"{lost(topics.EVENTS, partition, low)}. {TODO}")
            yield Verdict(f"{topics.EVENTS}/{partition}", 0, 0, True, (fault,))


def _take(verifier: Verifier, found: Delivery) -> None:
    if isinstance(found.record, Event) and found.value is not None:
        verifier.take(found.value, found.record)
        return
    if isinstance(found.error, ShutError) and found.value is not None:
        verifier.take_shut(found.value, found.error)
        return
    said = found.error.reason if found.error else "it is no event"
    if found.error and found.error.code in NEWER and found.key and found.value is not None:
        verifier.pass_by(found.value, said)
    else:
        verifier.refuse(f"{found.place} cannot be read as an event: {said}")
