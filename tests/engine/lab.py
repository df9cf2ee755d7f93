"""The engine in memory around a job, with what tests ask of it."""

from __future__ import annotations

from runfold.events.base import Record
from runfold.events.records.operations import DeadLetter, PositionNoted
from runfold.processors.engine.memory import MemoryEngine, Work
from tests.engine.host import NoDefinitions
from tests.engine.toys import topics
from tests.engine.toys.inputs import CODEC, key_of, topic_of
from tests.engine.toys.job import JOBS, NOW, Job, result_of
from tests.engine.toys.job_records import JobEvent
from tests.system.oracle.journals import Journal, journal_of


class Lab(MemoryEngine[Job]):
    """One lane; local work is answered unless ``work`` says otherwise."""

    def __init__(self, work: Work | None = result_of) -> None:
        super().__init__(JOBS, CODEC, NoDefinitions(), work, NOW)

    def send(self, *records: Record) -> None:
        """Publish inputs, undecided yet."""
        for record in records:
            topic = topic_of(record)
            self.put(topic, key_of(record), CODEC.encode(topic, record))

    def take(self, *records: Record) -> None:
        """Publish inputs and settle."""
        self.send(*records)
        self.settle()

    def decoded(self, topic: str) -> list[object]:
        return [CODEC.decode(topic, entry.value) for entry in self.entries(topic) if entry.value]

    def journal(self) -> Journal:
        return journal_of(JOBS, CODEC, [entry.value for entry in self.entries(topics.EVENTS)])

    def types(self, job_id: str) -> list[str]:
        return self.journal().types(job_id)

    def events(self, job_id: str) -> list[JobEvent]:
        return [event for event in self.journal().events(job_id) if isinstance(event, JobEvent)]

    def notes(self) -> list[PositionNoted]:
        return [r for r in self.decoded(topics.EVENTS) if isinstance(r, PositionNoted)]

    def dead(self) -> list[DeadLetter]:
        return [r for r in self.decoded(topics.DEAD_LETTERS) if isinstance(r, DeadLetter)]
