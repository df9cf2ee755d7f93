"""Logs for tests of followers: one whose readers are counted, one that fails, one that is grown."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from runfold.events import topics
from runfold.events.avro.samples import sample
from runfold.events.base import Fact
from runfold.events.run import Event, Meta, RunCompleted, RunStarted
from runfold.producers.errors import LogError
from runfold.producers.log.memory import MemoryLog
from runfold.producers.log.port import Delivery, LogReader
from tests.contracts.logs import CODEC


def event(run_id: str, seq: int, *, last: bool = False) -> Event:
    """An event of a run by its number."""
    meta = sample(Meta).model_copy(update={"run_id": run_id, "seq": seq})
    fact = sample(RunCompleted if last else RunStarted)
    assert isinstance(meta, Meta)
    assert isinstance(fact, Fact)
    return Event(meta, fact)


def memory_log() -> MemoryLog:
    """An empty log in memory."""
    return MemoryLog(CODEC, [topic.name for topic in topics.TOPICS])


class Watched:
    """A reader that counts who reads at once, and fails for its followers when it is told to."""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader
        self._lock = threading.Lock()
        self.followers = 0
        self.most_followers = 0
        self.readers = 0
        self.most_readers = 0
        self.reads = 0
        self.away: LogError | None = None

    def read(self, topic: str, start: Any = "earliest", **how: Any) -> Iterator[Delivery]:
        """Read, and be counted."""
        with self._counted(follow=how.get("follow", False)):
            until = how.pop("until", None) or (lambda: False)
            for found in self._reader.read(
                topic, start, until=lambda: until() or self.away is not None, **how
            ):
                self._fail()
                yield found
            self._fail()

    def ends(self, topic: str) -> Mapping[int, int]:
        """Ask for the ends, unless the log is away."""
        self._fail()
        return self._reader.ends(topic)

    def _fail(self) -> None:
        if self.away is not None:
            raise self.away

    @contextmanager
    def _counted(self, *, follow: bool) -> Iterator[None]:
        with self._lock:
            self.reads += 1
            self.readers += 1
            self.followers += follow
            self.most_readers = max(self.most_readers, self.readers)
            self.most_followers = max(self.most_followers, self.followers)
        try:
            yield
        finally:
            with self._lock:
                self.readers -= 1
                self.followers -= follow
