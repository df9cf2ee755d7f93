"""A run processor that does nothing but say whether calls may begin."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.calls import BeginAnswered, BeginRequested
from runfold.stack.settings import Settings

CODEC = Codec(LockRegistry())

Answer = Callable[[BeginRequested], bool | None]
"""Whether a call may begin; None leaves the question without an answer."""


class FakeLane:
    """Answers every question as it is told to; ``questions`` holds all that were asked."""

    def __init__(self, settings: Settings, answer: Answer) -> None:
        self.questions: list[BeginRequested] = []
        self._answer = answer
        self._kafka = {**settings.kafka_config(), "log_level": 0}
        self._partitions = settings.partitions
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        self._stopping.set()
        self._thread.join(20)

    def _serve(self) -> None:
        consumer = Consumer({**self._kafka, "group.id": "none"})
        producer = Producer({**self._kafka, "partitioner": "murmur2_random"})
        places = range(self._partitions)
        consumer.assign([TopicPartition(topics.RESULTS, n, OFFSET_BEGINNING) for n in places])
        while not self._stopping.is_set():
            message = consumer.poll(0.05)
            if message is None or message.error() is not None:
                continue
            asked = CODEC.decode(topics.RESULTS, message.value())
            if isinstance(asked, BeginRequested):
                self.questions.append(asked)
                self._reply(producer, asked)
        consumer.close()

    def _reply(self, producer: Producer, asked: BeginRequested) -> None:
        granted = self._answer(asked)
        if granted is None:
            return
        answer = BeginAnswered(
            run_id=asked.run_id,
            call_id=asked.call_id,
            attempt=asked.attempt,
            by=asked.by,
            granted=granted,
            number=asked.number,
        )
        value = CODEC.encode(topics.PERMITS, answer)
        producer.produce(topics.PERMITS, key=asked.run_id.encode(), value=value)
        producer.flush(10)


@contextmanager
def lane(settings: Settings, answer: Answer = lambda _: True) -> Iterator[FakeLane]:
    """A lane that ends with the test."""
    found = FakeLane(settings, answer)
    try:
        yield found
    finally:
        found.stop()
