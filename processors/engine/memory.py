"""The engine's shell in memory: the same fold, book and rebuild, on lists instead of a broker.

One partition, no threads, a clock that is moved by hand: deciders can be tested with the engine's
semantics in milliseconds.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic

from runfold.events import topics
from runfold.events.base import Record
from runfold.events.values import Placement
from runfold.processors.engine.aggregate import Aggregate, S
from runfold.processors.engine.core.batch import BatchDecider
from runfold.processors.engine.core.inputs import INPUT_TOPICS, Headers, Input, Received, Returned
from runfold.processors.engine.core.messages import Message
from runfold.processors.engine.core.parked_copy import Collector, park_messages, parked, sleepers
from runfold.processors.engine.core.partition_state import PartitionState
from runfold.processors.engine.core.rebuild import Rebuild
from runfold.processors.engine.core.timers import Timers
from runfold.processors.engine.ports import Codec, DefinitionStore

Work = Callable[[Record], Record]


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as it stands on a topic."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    time_ms: int


class LostCommit(Exception):  # noqa: N818 - it says what a test made happen
    """The commit that a test asked to fail."""


class MemoryEngine(Generic[S]):
    """One lane; ``work`` does local work at once, and None leaves it undone.

    ``fail_next_commit`` makes the next transaction abort, as a broker would.
    """

    def __init__(
        self,
        aggregate: Aggregate[S],
        codec: Codec,
        definitions: DefinitionStore,
        work: Work | None = None,
        now: datetime | None = None,
    ) -> None:
        self._aggregate = aggregate
        self._codec = codec
        self._definitions = definitions
        self._work = work
        self._fold = BatchDecider(aggregate, codec, definitions, 0)
        self._topics: dict[str, list[Entry]] = defaultdict(list)
        self._returned: deque[Record] = deque()
        self._timers = Timers()
        self.now = now or datetime.now(UTC)
        self.fail_next_commit = False
        self.book: PartitionState[S] = PartitionState()

    def put(self, topic: str, key: str | None, value: bytes | None, headers: Headers = ()) -> None:
        """Publish something."""
        entries = self._topics[topic]
        place = None if key is None else key.encode()
        time_ms = int(self.now.timestamp() * 1000)
        entries.append(Entry(len(entries), place, value, headers, time_ms))

    def entries(self, topic: str) -> list[Entry]:
        """Return what stands on a topic."""
        return list(self._topics[topic])

    def settle(self, most: int = 500) -> None:
        """Take whatever is there, batch after batch, until nothing is left to do."""
        while inputs := self._gather(most):
            self._turn(inputs)

    def pass_time(self, delta: timedelta) -> None:
        """Move the clock, and do what is due then."""
        self.now += delta
        self.settle()

    def restart(self) -> None:
        """Forget everything that is not on a topic, read it back, hand out open local work."""
        self._returned.clear()
        rebuild = Rebuild(self._aggregate, self._codec)
        for entry in self._topics[topics.PARKED]:
            rebuild.parked((entry.key or b"").decode(), entry.value)
        rebuild.parked_done()
        for entry in self._topics[topics.EVENTS]:
            rebuild.journal(entry.offset, entry.value or b"")
        for entry in self._topics[topics.COMPLETIONS]:
            rebuild.completion((entry.key or b"").decode(), entry.time_ms)
        self.book = rebuild.finish()
        self._timers = Timers()
        definitions = self._definitions.current()
        for run_id, run in self.book.runs.items():
            self._timers.put(run_id, run.timer)
            again = self._aggregate.reopen(run.state, definitions)
            self._do(work.record for work in again if work.placement is Placement.LOCAL)

    def park(self, idle: timedelta) -> int:
        """Copy the runs that had no event for a while; return how many."""
        wanted = sleepers(self.book, self.now, idle, 1 << 62, 1 << 31)
        collector = Collector(wanted, self._codec)
        for entry in self._topics[topics.EVENTS]:
            collector.take(entry.offset, entry.key, entry.value)
        copies = list(collector.copies())
        for copy in copies:
            run_id = copy.sleeper.run_id
            self._write(park_messages(copy, self._codec, self.now))
            self.book.runs[run_id] = parked(self.book.runs[run_id], copy)
        return len(copies)

    def _gather(self, most: int) -> list[Input]:
        inputs: list[Input] = []
        for topic in INPUT_TOPICS:
            start = self.book.positions.get(topic, 0)
            inputs += [_received(topic, entry) for entry in self._topics[topic][start:]]
        while self._returned:
            inputs.append(Returned(self._returned.popleft()))
        inputs += self._timers.due(self.now, most)
        return inputs

    def _turn(self, inputs: list[Input]) -> None:
        outcome = self._fold.take(inputs, self.book, self.now)
        if self.fail_next_commit and outcome.writes:
            self.fail_next_commit = False
            self.restart()
            raise LostCommit
        first = len(self._topics[topics.EVENTS]) if outcome.events else None
        self._write(outcome.messages())
        outcome.adopt(self.book, first, int(self.now.timestamp() * 1000))
        for run_id, run in outcome.runs.items():
            self._timers.put(run_id, run.timer if run is not None else None)
        self._do(outcome.local)

    def _write(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self.put(message.topic, message.key, message.value, tuple(message.headers))

    def _do(self, works: Iterable[Record]) -> None:
        if self._work is not None:
            self._returned.extend(self._work(work) for work in works)


def _received(topic: str, entry: Entry) -> Received:
    return Received(topic, entry.offset, entry.key, entry.value, entry.headers, entry.time_ms)
