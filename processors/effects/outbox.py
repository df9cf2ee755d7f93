"""What a pool writes: results, and dead letters for records that it cannot read."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from confluent_kafka import KafkaError, Message, Producer

from runfold.events import topics
from runfold.events.avro.headers import Headers, headers
from runfold.events.base import Record
from runfold.events.calls import Outcome
from runfold.events.errors import WireError
from runfold.events.operations import DeadLetter, HeaderCopy
from runfold.events.values import ErrorInfo
from runfold.infra.process.failpoints import failpoint
from runfold.processors.effects.errors import PoolBrokenError
from runfold.processors.effects.failures import Result
from runfold.processors.effects.settings import KafkaSettings

log = logging.getLogger(__name__)

_KEPT_BYTES = 4_000_000
Acknowledged = Callable[[], None]


class Encoder(Protocol):
    """The half of the codec that writes."""

    def encode(self, topic: str, record: Record) -> bytes:
        """Return the record's value on the topic."""
        ...


class Outbox:
    """Publishes from any thread, and waits where librdkafka's buffer is full.

    ``acknowledged`` is called once all replicas have the record; one that the log refuses for
    good makes ``serve`` raise PoolBrokenError.
    """

    def __init__(self, settings: KafkaSettings, codec: Encoder, source: str) -> None:
        self._codec = codec
        self._source = source
        self._refusals: list[str] = []
        self._producer = Producer({**settings, "error_cb": self._on_error})

    def result(self, result: Result, traceparent: str, acknowledged: Acknowledged) -> None:
        """Publish a result under its run's id; one too large for an input becomes a failure."""
        value = self._codec.encode(topics.RESULTS, result)
        if len(value) > topics.MAX_INPUT_BYTES:
            value = self._codec.encode(topics.RESULTS, _too_large(result, len(value)))
        described = headers(
            type(result).__name__,
            f"{result.call_id}/{result.attempt}",
            self._source,
            datetime.now(UTC),
            result.run_id,
            traceparent,
        )
        failpoint("pool.before_produce")
        self._produce(topics.RESULTS, result.run_id.encode(), value, acknowledged, described)

    def dead_letter(self, message: Message, error: WireError, acknowledged: Acknowledged) -> None:
        """Publish a record that cannot be used, with its bytes, its place and the reason."""
        value, key = message.value(), message.key()
        letter = DeadLetter(
            topic=message.topic() or "",
            partition=message.partition() or 0,
            offset=message.offset() or 0,
            time=datetime.now(UTC),
            code=error.code,
            reason=error.reason,
            size=len(value or b""),
            key=_as_bytes(key),
            value=value[:_KEPT_BYTES] if value is not None else None,
            headers=tuple(
                HeaderCopy(key=header[0], value=_as_bytes(header[1]))
                for header in message.headers() or ()
                if isinstance(header, tuple)
            ),
        )
        value = self._codec.encode(topics.DEAD_LETTERS, letter)
        self._produce(topics.DEAD_LETTERS, letter.key, value, acknowledged)

    def serve(self) -> None:
        """Make the callbacks that are due; raises PoolBrokenError if the log refused something."""
        self._producer.poll(0)
        if self._refusals:
            raise PoolBrokenError(self._refusals[0])

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything is acknowledged; False if time ran out first."""
        return self._producer.flush(timeout_s) == 0

    def _produce(
        self,
        topic: str,
        key: bytes | None,
        value: bytes,
        acknowledged: Acknowledged,
        described: Headers | None = None,
    ) -> None:
        def on_delivery(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                self._refusals.append(f"{topic} refused a record: {error.str()}")
                return
            failpoint("pool.after_produce")
            acknowledged()

        while True:
            try:
                self._producer.produce(
                    topic,
                    key=key,
                    value=value,
                    headers=[*(described or ())],
                    on_delivery=on_delivery,
                )
            except BufferError:
                self._producer.poll(0.05)
            else:
                return

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._refusals.append(f"the producer broke: {error.str()}")
        else:
            log.warning("producer: %s", error.str())


def _too_large(result: Result, size: int) -> Result:
    return result.model_copy(
        update={
            "outcome": Outcome.FAILED,
            "answer" if hasattr(result, "answer") else "result": None,
            "error": ErrorInfo(
                error_type="too_large",
                message=f"The result has {size} bytes; {topics.MAX_INPUT_BYTES} are allowed.",
                retryable=False,
                suggested_next_action="Ask for less at once.",
            ),
        }
    )


def _as_bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
