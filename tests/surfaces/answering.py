"""A log in memory behind which a run processor seems to sit: what is asked is decided at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from runfold.events import topics
from runfold.events.base import Record
from runfold.events.catalogue import TERMINAL_FACTS
from runfold.events.definitions import Definitions
from runfold.events.records.operations import DeadLetter
from runfold.processors.definitions.record import announce
from runfold.producers.log.memory import MemoryLog
from runfold.producers.log.port import Headers, RecordPlace
from runfold.surfaces.cli.context import Context
from tests.deciders.given import LOOK, RUN, SEND, WRITE, agent, story
from tests.support.builders.stories import CODEC, Recorder, Step, recorded_story


class AnsweringLog(MemoryLog):
    """Decides every request and control when it is published; results are given by ``hear``."""

    def __init__(self, definitions: Definitions | None = None) -> None:
        super().__init__(CODEC, [topic.name for topic in topics.TOPICS])
        self._definitions = definitions or story().definitions
        self._runs: dict[str, Recorder] = {}
        self.deaf = False

    def publish_all(
        self, topic: str, records: Sequence[tuple[Record, str]], headers: Headers = ()
    ) -> list[RecordPlace]:
        places = super().publish_all(topic, records, headers)
        for record, key in records:
            if topic in {topics.REQUESTS, topics.CONTROLS} and not self.deaf:
                self.hear(record, key)
        return places

    def hear(self, record: Record, run_id: str) -> None:
        """Let the run processor take a record."""
        run = self._runs.setdefault(run_id, Recorder(self._definitions))
        self._append(run_id, run.take(record, datetime.now(UTC)))

    def tell(self, steps: Sequence[Step]) -> None:
        """Put a story's events on the journal, as the run that the stories are about."""
        self._runs[RUN] = recorded_story(steps)
        self._append(RUN, self._runs[RUN].written)

    def bury(self, run_id: str, code: str, reason: str) -> None:
        """Put a dead letter on its topic for a run's request."""
        letter = DeadLetter(
            topic=topics.REQUESTS,
            partition=0,
            offset=0,
            time=datetime.now(UTC),
            code=code,
            reason=reason,
            size=3,
            key=run_id.encode(),
            value=b"abc",
        )
        self.append(topics.DEAD_LETTERS, CODEC.encode(topics.DEAD_LETTERS, letter), b"")

    def _append(self, run_id: str, written: Sequence[tuple[bytes, object]]) -> None:
        for value, event in written:
            self.append(topics.EVENTS, value, run_id.encode())
            if isinstance(event.fact, TERMINAL_FACTS):  # type: ignore[attr-defined]
                self.append_event(event, topics.COMPLETIONS)  # type: ignore[arg-type]


def context_of(log: MemoryLog) -> Context:
    """Return a context whose log is this one; nothing else is there."""
    context = Context()
    context.reader = log
    context.judge = log
    context.writer = log
    context.source = None
    return context


def answering(*steps: Step) -> AnsweringLog:
    """Return a log on which a story was told, with the definitions it was told with."""
    log = published(AnsweringLog())
    if steps:
        log.tell(steps)
    return log


def published(log: AnsweringLog) -> AnsweringLog:
    """Return a log on which the definitions of the stories were published."""
    for definition in (LOOK, WRITE, SEND, agent()):
        log.publish(topics.REGISTRY, announce(definition, "me", datetime.now(UTC)), "k")
    return log
