"""The journal as the oracle understands it: each run's events in the order of the log."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TypeVar

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.base import Fact
from runfold.events.catalogue import TERMINAL_FACTS
from runfold.events.errors import WireError
from runfold.events.records.commands import RunRequested
from runfold.events.run import Event
from tests.system.oracle.seen import Raw, Seen

CODEC = Codec(LockRegistry())

F = TypeVar("F", bound=Fact)


@dataclass(frozen=True, slots=True)
class Entry:
    """One event, where it was found, and the sha256 of its bytes."""

    raw: Raw
    event: Event
    digest: bytes

    @property
    def is_end(self) -> bool:
        """Whether the run ends here."""
        return isinstance(self.event.fact, TERMINAL_FACTS)


@dataclass(frozen=True, slots=True)
class Histories:
    """The runs of a journal, the runs that were asked for, and what could not be read at all."""

    runs: dict[str, list[Entry]]
    asked: frozenset[str]
    unreadable: tuple[str, ...]

    def facts(self, run_id: str, kind: type[F]) -> list[F]:
        """A run's facts of one kind, in order."""
        return [e.event.fact for e in self.runs[run_id] if isinstance(e.event.fact, kind)]


def histories(seen: Seen) -> Histories:
    """Decode the journal and the requests; poison asks for nothing."""
    runs: dict[str, list[Entry]] = defaultdict(list)
    unreadable = []
    for raw in seen.events:
        try:
            record = CODEC.decode(topics.EVENTS, raw.value)
        except WireError as error:
            unreadable.append(f"{raw.place}: {error}")
            continue
        if isinstance(record, Event):
            digest = hashlib.sha256(raw.value or b"").digest()
            runs[record.meta.run_id].append(Entry(raw, record, digest))
    asked = {
        record.run_id
        for raw in seen.requests
        if raw.place not in seen.poison
        and isinstance(record := CODEC.decode(topics.REQUESTS, raw.value), RunRequested)
    }
    return Histories(dict(runs), frozenset(asked), tuple(unreadable))
