"""An independent reader of the log, and what must always be true of what it reads."""

from __future__ import annotations

import hashlib
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.base import Record
from runfold.events.catalogue import TERMINAL_FACTS
from runfold.events.commands import Control, RunRequested
from runfold.events.run import GENESIS, Event

CODEC = Codec(LockRegistry())


def topic_of(record: Record) -> str:
    """The input topic of a record."""
    if isinstance(record, RunRequested):
        return topics.REQUESTS
    return topics.CONTROLS if isinstance(record, Control) else topics.RESULTS


def run_id(number: int) -> str:
    """A UUIDv7 that was made now; ``number`` is its tail."""
    head = int(time.time() * 1000)
    value = (head << 80) | (7 << 76) | (int.from_bytes(os.urandom(1)) << 64) | (2 << 62) | number
    text = f"{value:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


@dataclass(frozen=True)
class Journal:
    """The events of every run, as bytes and decoded, in order."""

    runs: dict[str, list[tuple[bytes, Event]]]

    def types(self, of: str) -> list[str]:
        return [event.type for _, event in self.runs.get(of, [])]

    def faults(self, expected: Iterable[str] = ()) -> list[str]:
        """What breaks the guarantees: a gap, a broken chain, not exactly one end."""
        found = []
        for run, events in self.runs.items():
            digest = GENESIS
            for number, (value, event) in enumerate(events, 1):
                if event.meta.seq != number:
                    found.append(f"{run}: event {event.meta.seq} stands where {number} should")
                if event.meta.prev_hash != digest:
                    found.append(f"{run}: event {event.meta.seq} breaks the chain")
                digest = hashlib.sha256(value).digest()
            ends = Counter(isinstance(event.fact, TERMINAL_FACTS) for _, event in events)[True]
            last = isinstance(events[-1][1].fact, TERMINAL_FACTS)
            if ends > 1 or (ends == 1 and not last):
                found.append(f"{run}: {ends} ends, or something after the end")
        for run in expected:
            events = self.runs.get(run, [])
            if not events or not isinstance(events[-1][1].fact, TERMINAL_FACTS):
                found.append(f"{run}: not ended")
        return found


class Log:
    """Publishes inputs and reads topics of a real broker."""

    def __init__(self, bootstrap: str, partitions: int = 4) -> None:
        self._bootstrap = bootstrap
        self._partitions = partitions
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "partitioner": "murmur2_random",
                "log_level": 0,
                "message.max.bytes": topics.MAX_RECORD_BYTES,
            }
        )

    def send(self, *records: Record) -> None:
        for record in records:
            topic = topic_of(record)
            key = str(getattr(record, "run_id", ""))
            self._producer.produce(topic, CODEC.encode(topic, record), key)
        assert self._producer.flush(20) == 0

    def send_bytes(self, topic: str, key: str, value: bytes, partition: int = -1) -> None:
        self._producer.produce(topic, value, key, partition)
        assert self._producer.flush(20) == 0

    def messages(self, topic: str) -> list[Message]:
        """Every committed message, partition after partition."""
        consumer = Consumer(
            {
                "bootstrap.servers": self._bootstrap,
                "group.id": "oracle",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                "log_level": 0,
            }
        )
        consumer.list_topics(timeout=10)
        consumer.assign([TopicPartition(topic, p, 0) for p in range(self._partitions)])
        ended: set[int] = set()
        found: dict[int, list[Message]] = defaultdict(list)
        until = time.monotonic() + 30
        while len(ended) < self._partitions and time.monotonic() < until:
            for message in consumer.consume(1000, 0.05):
                error, partition = message.error(), message.partition()
                assert partition is not None
                if error is None:
                    found[partition].append(message)
                elif error.code() == KafkaError._PARTITION_EOF:
                    ended.add(partition)
        consumer.close()
        assert len(ended) == self._partitions, f"{topic} could not be read to its end"
        return [message for partition in sorted(found) for message in found[partition]]

    def records(self, topic: str) -> list[object]:
        """Every committed record, decoded; tombstones are left out."""
        return [
            CODEC.decode(topic, value)
            for message in self.messages(topic)
            if isinstance(value := message.value(), bytes)
        ]

    def journal(self) -> Journal:
        runs: dict[str, list[tuple[bytes, Event]]] = defaultdict(list)
        for message in self.messages(topics.EVENTS):
            value = message.value()
            assert isinstance(value, bytes)
            event = CODEC.decode(topics.EVENTS, value)
            if isinstance(event, Event):
                runs[event.meta.run_id].append((value, event))
        return Journal(runs)

    def ended(self) -> set[str]:
        """The runs on the completions topic."""
        return {(message.key() or b"").decode() for message in self.messages(topics.COMPLETIONS)}

    def wait_for_ends(self, runs: Iterable[str], seconds: float = 30) -> None:
        wanted = set(runs)
        self.wait_until(lambda: wanted <= self.ended(), seconds)

    def wait_until(self, done: Callable[[], bool], seconds: float = 30) -> None:
        until = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < until, f"not so after {seconds} s"
            time.sleep(0.05)
