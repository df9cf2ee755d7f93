"""The journal of any kind of aggregate, read independently of the engine: gaps, chains, ends."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from runfold.events.avro.codec import Codec
from runfold.events.base import Fact, Record
from runfold.processors.engine.core.event_builder import GENESIS
from runfold.processors.engine.ports import JournalEvent
from runfold.processors.engine.spec import AggregateSpec


@dataclass(frozen=True)
class Journal:
    """The events of every aggregate of a kind, as bytes and decoded, in order."""

    by_key: dict[str, list[tuple[bytes, JournalEvent]]]
    terminal: tuple[type[Fact], ...]

    def types(self, of: str) -> list[str]:
        return [type(event.fact).__name__ for event in self.events(of)]

    def events(self, of: str) -> list[JournalEvent]:
        return [event for _, event in self.by_key.get(of, [])]

    def faults(self, expected: Iterable[str] = ()) -> list[str]:
        """What breaks the guarantees: a gap, a broken chain, not exactly one end."""
        found = []
        for run, events in self.by_key.items():
            digest = GENESIS
            for number, (value, event) in enumerate(events, 1):
                if event.meta.seq != number:
                    found.append(f"{run}: event {event.meta.seq} stands where {number} should")
                if event.meta.prev_hash != digest:
                    found.append(f"{run}: event {event.meta.seq} breaks the chain")
                digest = hashlib.sha256(value).digest()
            ends = Counter(isinstance(event.fact, self.terminal) for _, event in events)[True]
            last = isinstance(events[-1][1].fact, self.terminal)
            if ends > 1 or (ends == 1 and not last):
                found.append(f"{run}: {ends} ends, or something after the end")
        for run in expected:
            events = self.by_key.get(run, [])
            if not events or not isinstance(events[-1][1].fact, self.terminal):
                found.append(f"{run}: not ended")
        return found


def journal_of(
    spec: AggregateSpec[Any], codec: Codec, values: Iterable[bytes | str | None]
) -> Journal:
    """The events in the values of a journal, by key."""
    by_key: dict[str, list[tuple[bytes, JournalEvent]]] = defaultdict(list)
    for value in values:
        assert isinstance(value, bytes)
        begins = codec.peek(value)
        if begins is not None:
            event = codec.decode(spec.topics.journal, value)
            assert not isinstance(event, Record)
            by_key[begins.key].append((value, event))
    return Journal(dict(by_key), tuple(spec.terminal))
