"""The engine's shell in memory: the same decisions, state and restore, on lists, not a broker.

No threads, a clock that is moved by hand: deciders can be tested with the engine's semantics in
milliseconds, alone or several kinds of aggregate on one log.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic

from runfold.events.base import Record
from runfold.events.values import Placement
from runfold.processors.engine.aggregate import S
from runfold.processors.engine.core.batch import BatchDecider
from runfold.processors.engine.core.inputs import Headers, Input, Received, Returned
from runfold.processors.engine.core.messages import Message
from runfold.processors.engine.core.outcome import Outcome
from runfold.processors.engine.core.parked_copy import Collector, park_messages, parked, sleepers
from runfold.processors.engine.core.partition_state import PartitionState
from runfold.processors.engine.core.rebuild import Rebuild
from runfold.processors.engine.core.timers import Timers
from runfold.processors.engine.ports import Codec, DefinitionStore
from runfold.processors.engine.spec import AggregateSpec
from runfold.producers.log.partitioner import partition_for

Work = Callable[[Record], Record | None]


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as it stands on a topic."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    time_ms: int


class MemoryLog:
    """Topics of ``partitions`` partitions each, which engines in memory share."""

    def __init__(self, partitions: int = 1) -> None:
        self._partitions = partitions
        self._topics: dict[tuple[str, int], list[Entry]] = defaultdict(list)

    def partition_of(self, _topic: str, key: bytes) -> int:
        """Return where a key belongs."""
        return partition_for(key, self._partitions)

    def partition(self, topic: str, partition: int) -> list[Entry]:
        """Return the records of a partition: the list itself."""
        return self._topics[topic, partition]

    def append(
        self,
        place: tuple[str, int],
        key: str | None,
        value: bytes | None,
        headers: Headers,
        ms: int,
    ) -> None:
        """Add a record to a partition (topic and number) at a time in milliseconds."""
        entries = self._topics[place]
        named = None if key is None else key.encode()
        entries.append(Entry(len(entries), named, value, headers, ms))


class LostCommit(Exception):  # noqa: N818 - it says what a test made happen
    """The commit that a test asked to fail."""


class MemoryEngine(Generic[S]):
    """One lane of a ``log``; ``work`` does local work at once, and None leaves it undone.

    Where ``work`` returns None, the result is given later, by ``give``.

    ``fail_next_commit`` makes the next transaction abort, as a broker would. With ``resends`` there
    are no transactions: a batch goes to the journal, and then what it sends to other lanes. Then
    ``loses``, where it is set, picks the messages that do not get out before the process dies.
    """

    def __init__(  # noqa: PLR0913 - what a test may choose
        self,
        spec: AggregateSpec[S],
        codec: Codec,
        definitions: DefinitionStore,
        work: Work | None = None,
        now: datetime | None = None,
        *,
        log: MemoryLog | None = None,
        partition: int = 0,
        resends: bool = False,
    ) -> None:
        self._spec = spec
        self._codec = codec
        self._definitions = definitions
        self._work = work
        self.log = log or MemoryLog()
        self.partition = partition
        self._resends = resends
        self._fold = BatchDecider(
            spec, codec, definitions, partition, self.log.partition_of, resends=resends
        )
        self._returned: deque[Record] = deque()
        self._timers = Timers()
        self.now = now or datetime.now(UTC)
        self.fail_next_commit = False
        self.loses: Callable[[Message], bool] | None = None
        self.partition_state: PartitionState[S] = PartitionState()

    def put(self, topic: str, key: str | None, value: bytes | None, headers: Headers = ()) -> None:
        """Publish something to this lane's partition."""
        self.log.append((topic, self.partition), key, value, headers, self._now_ms())

    def entries(self, topic: str) -> list[Entry]:
        """Return what stands on this lane's partition of a topic."""
        return list(self.log.partition(topic, self.partition))

    def give(self, result: Record) -> None:
        """Return the result of local work that was not done at once."""
        self._returned.append(result)

    def settle(self, most: int = 500) -> bool:
        """Take whatever is there, batch after batch; return whether anything was."""
        busy = False
        while inputs := self._gather(most):
            busy = True
            self._turn(inputs)
        return busy

    def pass_time(self, delta: timedelta) -> None:
        """Move the clock, and do what is due then."""
        self.now += delta
        self.settle()

    def restart(self) -> None:
        """Forget everything that is not on a topic, read it back, hand out open local work."""
        self._returned.clear()
        topics = self._spec.topics
        rebuild = Rebuild(self._spec, self._codec, resends=self._resends)
        for entry in self.entries(topics.parked):
            rebuild.parked((entry.key or b"").decode(), entry.value)
        rebuild.parked_done()
        for entry in self.entries(topics.journal):
            rebuild.journal(entry.offset, entry.key, entry.value or b"")
        for entry in self.entries(topics.completions) if topics.completions else ():
            rebuild.completion((entry.key or b"").decode(), entry.time_ms)
        self.partition_state = rebuild.finish()
        self._write(self._fold.again(rebuild.undelivered(), self.partition_state))
        self._timers = Timers()
        definitions = self._definitions.current()
        for key, live in self.partition_state.live.items():
            self._timers.put(key, live.timer)
            again = self._spec.aggregate.reopen(live.state, definitions)
            self._do(work.record for work in again if work.placement is Placement.LOCAL)

    def park(self, idle: timedelta) -> int:
        """Copy what had no event for a while; return how many."""
        wanted = sleepers(self.partition_state, self.now, idle, 1 << 62, 1 << 31)
        collector = Collector(wanted, self._spec, self._codec)
        for entry in self.entries(self._spec.topics.journal):
            collector.take(entry.offset, entry.key, entry.value)
        copies = list(collector.copies())
        for copy in copies:
            key = copy.sleeper.key
            self._write(park_messages(copy, self._spec, self._codec, self.now))
            self.partition_state.live[key] = parked(self.partition_state.live[key], copy)
        return len(copies)

    def _gather(self, most: int) -> list[Input]:
        inputs: list[Input] = []
        for topic in self._spec.topics.inputs:
            start = self.partition_state.positions.get(topic, 0)
            inputs += [_received(topic, entry) for entry in self.entries(topic)[start:]]
        while self._returned:
            inputs.append(Returned(self._returned.popleft()))
        inputs += self._timers.due(self.now, most)
        return inputs

    def _turn(self, inputs: list[Input]) -> None:
        outcome = self._fold.take(inputs, self.partition_state, self.now)
        if self.fail_next_commit and outcome.writes:
            self.fail_next_commit = False
            self.restart()
            raise LostCommit
        if not outcome.writes:
            outcome.pass_by(self.partition_state)
            return
        first = len(self.entries(self._spec.topics.journal)) if outcome.events else None
        self._write_batch(outcome)
        outcome.adopt(self.partition_state, first, self._now_ms())
        for key, after in outcome.changed.items():
            self._timers.put(key, after.timer if after is not None else None)
        self._do(outcome.local)

    def _write_batch(self, outcome: Outcome[S]) -> None:
        loses, self.loses = self.loses, None
        if loses is None:
            self._write(outcome.messages())
            return
        self._write(outcome.events)
        self._write(m for m in outcome.others if m.partition is None or not loses(m))
        self.restart()
        raise LostCommit

    def _write(self, messages: Iterable[Message]) -> None:
        for message in messages:
            where = self.partition if message.partition is None else message.partition
            place, headers = (message.topic, where), tuple(message.headers)
            self.log.append(place, message.key, message.value, headers, self._now_ms())

    def _now_ms(self) -> int:
        return int(self.now.timestamp() * 1000)

    def _do(self, works: Iterable[Record]) -> None:
        if self._work is not None:
            results = map(self._work, works)
            self._returned.extend(result for result in results if result is not None)


def _received(topic: str, entry: Entry) -> Received:
    return Received(topic, entry.offset, entry.key, entry.value, entry.headers, entry.time_ms)
