"""A steady stream of requests: each when it is due, whether earlier ones have ended or not."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.support.traffic import new_request
from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.stack.settings import Settings

_TICK_S = 0.05
_FLUSH_S = 60.0


class Open:
    """The runs that were asked for and have not ended, and how long those took that have."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = threading.Lock()
        self._due: dict[str, float] = {}
        self._took: list[float] = []
        self.asked = 0
        self.completed = 0
        self.strange = 0
        """Completions of runs that were not open: a run that ended twice would be one."""

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._due)

    def add(self, run_id: str, due: float) -> None:
        """Note a run that is asked for, and when that was due."""
        with self._lock:
            self._due[run_id] = due
            self.asked += 1

    def end(self, run_id: str, at: float) -> None:
        """Note that a run was seen completed."""
        with self._lock:
            due = self._due.pop(run_id, None)
            if due is None:
                self.strange += 1
                return
            self.completed += 1
            self._took.append((at - due) * 1000)

    def taken(self) -> list[float]:
        """Return the milliseconds from due to completion of what ended since the last call."""
        with self._lock:
            took, self._took = self._took, []
        return took


class Asker:
    """Puts requests on the log without waiting for them."""

    def __init__(self, settings: Settings, runs: Open) -> None:
        """Connect; what is asked for becomes one of the open runs."""
        self._runs, self._codec = runs, Codec(LockRegistry())
        self._producer = Producer(
            {
                **settings.producer_config(),
                "enable.idempotence": True,
                "compression.type": "lz4",
                "linger.ms": 5,
                "log_level": 0,
            }
        )
        self.failed = 0
        """Requests that the broker did not take."""

    def ask(self, due: float) -> None:
        """Ask for a run that was due at a time."""
        request = new_request()
        self._runs.add(request.run_id, due)
        value = self._codec.encode(topics.REQUESTS, request)
        self._producer.produce(
            topics.REQUESTS, value, request.run_id.encode(), on_delivery=self._reported
        )
        self._producer.poll(0)

    def wait(self, seconds: float) -> None:
        """Let so much time pass, and hear meanwhile what became of requests."""
        self._producer.poll(seconds)

    def flush(self) -> None:
        """Wait until all of them are on the log; what is not then has failed."""
        self.failed += self._producer.flush(_FLUSH_S)

    def _reported(self, error: object, _: object) -> None:
        self.failed += error is not None


class Stream(threading.Thread):
    """Asks for so many runs a second, for so many in all, or until it is stopped."""

    def __init__(self, asker: Asker, a_second: float, total: int) -> None:
        super().__init__(name="stream", daemon=True)
        self._asker, self._a_second, self._total = asker, a_second, total
        self._stopping = threading.Event()
        self.ended = 0.0
        """When the last one was on the log."""

    def run(self) -> None:
        """Ask for each run when it is due."""
        began = time.monotonic()
        for number in range(self._total):
            due = began + number / self._a_second
            while (pause := due - time.monotonic()) > 0 and not self._stopping.is_set():
                self._asker.wait(min(pause, _TICK_S))
            if self._stopping.is_set():
                break
            self._asker.ask(due)
        self._asker.flush()
        self.ended = time.monotonic()

    def stop(self) -> None:
        """Ask no more."""
        self._stopping.set()


def keep_open(asker: Asker, runs: Open, at_once: int, seconds: float) -> None:
    """Keep so many runs open for so long: one is asked for when another has ended."""
    until = time.monotonic() + seconds
    while (now := time.monotonic()) < until:
        while runs.count < at_once:
            asker.ask(now)
        asker.wait(0.002)
    asker.flush()


@contextmanager
def following(settings: Settings, runs: Open) -> Iterator[None]:
    """Have completions end the open runs meanwhile; those from now on."""
    consumer = Consumer(
        {
            **settings.kafka_config(),
            "group.id": "soak",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "fetch.queue.backoff.ms": 5,
            "log_level": 0,
        }
    )
    places = [TopicPartition(topics.COMPLETIONS, n) for n in range(settings.partitions)]
    for place in places:
        _, place.offset = consumer.get_watermark_offsets(place, timeout=30)
    consumer.assign(places)
    stopping = threading.Event()

    def follow() -> None:
        while not stopping.is_set():
            first = consumer.poll(0.2)
            if first is None:
                continue
            now = time.monotonic()
            for message in (first, *consumer.consume(1000, 0)):
                if message.error() is None:
                    runs.end((message.key() or b"").decode(), now)

    thread = threading.Thread(target=follow, name="completions", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
        consumer.close()
