"""What a producer is told of its records, taken by one thread for everybody who publishes.

A producer hands a report to whichever thread polls it. Were those that publish to poll, one would
take the report for which another waits, and that one would wait on for nothing.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime
from typing import Any

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, KafkaError, KafkaException, Message

from runfold.infra.kafka.clients import Producer
from runfold.producers.errors import translated
from runfold.producers.log.port import RecordPlace
from runfold.producers.log.tail import place_of, time_of

_POLL_S = 0.2
_IDLE_S = 10.0


class Acknowledging:
    """Publishes with a producer; any thread may use it. Its own ends where nothing is due."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._lock = threading.Lock()
        self._due = 0
        self._thread: threading.Thread | None = None

    def publish(
        self, topic: str, value: bytes | None, key: str, headers: Any
    ) -> Future[RecordPlace]:
        """Return, in time, a record's place once it is durable.

        The future fails with a LogError: librdkafka reports every record within its delivery time.
        Raises LogError for what it does not take at all; where it is full, it waits.
        """
        answer: Future[RecordPlace] = Future()
        # Nobody may cancel it: the record is on its way.
        answer.set_running_or_notify_cancel()

        def report(error: KafkaError | None, message: Message) -> None:
            with self._lock:
                self._due -= 1
            if error is not None:
                answer.set_exception(translated(error, f"publishing to {message.topic()}"))
            else:
                topic_, partition = place_of(message)
                place = RecordPlace(topic_, partition, message.offset() or 0)
                answer.set_result(replace(place, appended_at=_stamped(message)))

        self._begin()
        while True:
            try:
                self._producer.produce(
                    topic, value=value, key=key.encode(), headers=headers, on_delivery=report
                )
            except BufferError:
                time.sleep(_POLL_S / 10)
            except KafkaException as error:
                self._refused()
                raise translated(error, f"publishing to {topic}") from error
            except BaseException:
                self._refused()
                raise
            else:
                return answer

    def _begin(self) -> None:
        with self._lock:
            self._due += 1
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="runfold-acknowledged", daemon=True
                )
                self._thread.start()

    def _refused(self) -> None:
        with self._lock:
            self._due -= 1

    def _work(self) -> None:
        since = time.monotonic()
        while True:
            if self._producer.poll(_POLL_S):
                since = time.monotonic()
            with self._lock:
                if self._due == 0 and time.monotonic() - since > _IDLE_S:
                    self._thread = None
                    return


def _stamped(message: Message) -> datetime | None:
    """Return the broker's time stamp, None where the record has its producer's."""
    kind, _ = message.timestamp()
    return time_of(message) if kind == TIMESTAMP_LOG_APPEND_TIME else None
