"""The engine in memory around the toy, with what tests ask of it."""

from __future__ import annotations

from collections import defaultdict

from runfold.events import topics
from runfold.events.base import Record
from runfold.events.operations import DeadLetter, PositionNoted
from runfold.events.run import Event
from runfold.processors.engine.aggregate import S
from runfold.processors.engine.memory import MemoryEngine, Work
from tests.engine.host import NoDefinitions
from tests.engine.oracle import CODEC, Journal, topic_of
from tests.engine.toy import NOW, Toy, ToyAggregate, result_of


def journal_of(engine: MemoryEngine[S]) -> Journal:
    """The events of every run, as they stand in an engine's memory."""
    runs: dict[str, list[tuple[bytes, Event]]] = defaultdict(list)
    for entry in engine.entries(topics.EVENTS):
        event = CODEC.decode(topics.EVENTS, entry.value or b"")
        if isinstance(event, Event):
            runs[event.meta.run_id].append((entry.value or b"", event))
    return Journal(runs)


class Lab(MemoryEngine[Toy]):
    """One lane; local work is answered unless ``work`` says otherwise."""

    def __init__(self, work: Work | None = result_of) -> None:
        super().__init__(ToyAggregate(), CODEC, NoDefinitions(), work, NOW)

    def send(self, *records: Record) -> None:
        """Publish inputs, undecided yet."""
        for record in records:
            topic = topic_of(record)
            self.put(topic, str(getattr(record, "run_id", "")), CODEC.encode(topic, record))

    def take(self, *records: Record) -> None:
        """Publish inputs and settle."""
        self.send(*records)
        self.settle()

    def decoded(self, topic: str) -> list[object]:
        return [CODEC.decode(topic, entry.value) for entry in self.entries(topic) if entry.value]

    def journal(self) -> Journal:
        return journal_of(self)

    def types(self, run_id: str) -> list[str]:
        return self.journal().types(run_id)

    def events(self, run_id: str) -> list[Event]:
        return [event for _, event in self.journal().runs[run_id]]

    def notes(self) -> list[PositionNoted]:
        return [r for r in self.decoded(topics.EVENTS) if isinstance(r, PositionNoted)]

    def dead(self) -> list[DeadLetter]:
        return [r for r in self.decoded(topics.DEAD_LETTERS) if isinstance(r, DeadLetter)]
