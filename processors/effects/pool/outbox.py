"""What a pool writes: results, and dead letters for records that it cannot read."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from confluent_kafka import KafkaError, Message

from runfold.events import topics
from runfold.events.avro.headers import Headers, headers
from runfold.events.calls import BeginRequested, CallResult
from runfold.events.errors import WireError
from runfold.infra.kafka import clients
from runfold.infra.process.failpoints import failpoint
from runfold.processors.effects.pool.core import (
    Acknowledged,
    Encoder,
    Received,
    dead_letter,
    encoded,
)
from runfold.processors.effects.pool.errors import PoolBrokenError
from runfold.processors.effects.pool.settings import KafkaSettings
from runfold.producers.log.consumers import CLIENT_LOG

log = logging.getLogger(__name__)


class Outbox:
    """Publishes from any thread, and waits where librdkafka's buffer is full.

    ``acknowledged`` is called once all replicas have the record; one that the log refuses for
    good makes ``serve`` raise PoolBrokenError.
    """

    def __init__(self, settings: KafkaSettings, codec: Encoder, source: str) -> None:
        self._codec = codec
        self._source = source
        self._refusals: list[str] = []
        self._producer = clients.producer({**settings, "error_cb": self._on_error}, CLIENT_LOG)

    def result(self, result: CallResult, traceparent: str, acknowledged: Acknowledged) -> None:
        """Publish a result under its run's id; one too large for an input becomes a failure."""
        value = encoded(result, self._codec)
        described = headers(
            type(result).__name__,
            f"{result.call_id}/{result.attempt}",
            self._source,
            datetime.now(UTC),
            result.run_id,
            traceparent,
        )

        def published() -> None:
            failpoint("pool.after_produce")
            acknowledged()

        failpoint("pool.before_produce")
        self._produce(topics.RESULTS, result.run_id.encode(), value, published, described)

    def question(self, asked: BeginRequested, acknowledged: Acknowledged) -> None:
        """Publish the question whether a call may begin."""
        described = headers(
            type(asked).__name__,
            f"{asked.call_id}/{asked.attempt}/{asked.by}",
            self._source,
            datetime.now(UTC),
            asked.run_id,
            "",
        )
        value = self._codec.encode(topics.RESULTS, asked)
        self._produce(topics.RESULTS, asked.run_id.encode(), value, acknowledged, described)

    def dead_letter(self, received: Received, error: WireError, acknowledged: Acknowledged) -> None:
        """Publish a record that cannot be used, with its bytes, its place and the reason."""
        record = dead_letter(received, error, datetime.now(UTC))
        value = self._codec.encode(topics.DEAD_LETTERS, record)
        self._produce(topics.DEAD_LETTERS, record.key, value, acknowledged)

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
