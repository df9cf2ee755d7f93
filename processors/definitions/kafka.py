"""The registry topic on a broker."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.definitions import StoreRecord
from runfold.events.errors import RegistryError, WireError
from runfold.infra.process.stall import Positions
from runfold.processors.definitions.source import Arrived, DefinitionStoreUnavailableError

_LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]
_PAUSE_S = 0.1


class KafkaDefinitionLog:
    """The registry topic on a broker, read as a whole by every process: it has no group."""

    def __init__(self, kafka: Mapping[str, str | int | float], codec: Codec) -> None:
        self._codec = codec
        self._held: Message | None = None
        self._next = 0
        self._partition = TopicPartition(topics.REGISTRY, 0)
        own = {
            "group.id": "runfold-registry",  # never joined: the client asks for a name
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
        }
        options: dict[str, str | int | float | bool] = {
            name: kafka[name] for name in kafka if name != "partitioner"
        }
        self._consumer = Consumer({**options, **own})
        # A consumer that one thread polls keeps every other thread waiting.
        self._options = options
        self._admin = AdminClient(options)
        # Without the metadata the first assignment loses a second.
        with suppress(KafkaException):
            self._consumer.list_topics(topics.REGISTRY, timeout=2)
        self._consumer.assign([TopicPartition(topics.REGISTRY, 0, OFFSET_BEGINNING)])

    def poll(self, timeout: float) -> Arrived | None:
        """Return what comes next within ``timeout`` seconds, or None; never raises for a record."""
        message = self._held or self._consumer.poll(timeout)
        if message is None:
            return None
        if (error := message.error()) is not None:
            if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                return None
            self._next = message.offset() or 0
            return Arrived(self._next)
        return self._read(message, timeout)

    def _read(self, message: Message, timeout: float) -> Arrived | None:
        after = self._next = (message.offset() or 0) + 1
        self._held = None
        try:
            record = self._codec.decode(topics.REGISTRY, message.value())
        except WireError as fault:
            return Arrived(after, fault=f"offset {after - 1}: {fault.code}: {fault.reason}")
        except RegistryError:
            # The value may be sound: it is read again when the schema registry answers.
            self._held = message
            time.sleep(timeout)
            return None
        if isinstance(record, StoreRecord):
            return Arrived(after, record)
        return Arrived(after, fault=f"offset {after - 1}: a {type(record).__name__}")

    def reading(self) -> Positions:
        """Return how far the topic was received; nothing while a schema registry is waited for."""
        return {} if self._held is not None else {(topics.REGISTRY, 0): self._next}

    def end(self, timeout: float) -> int:
        """Return the high watermark, asked of the broker now, again while ``timeout`` lasts."""
        until = time.monotonic() + timeout
        while True:
            try:
                return self._high_watermark(max(0.1, until - time.monotonic()))
            except (KafkaException, TimeoutError) as fault:
                # What the client knows of the leaders may be from before one of them died, and
                # one that lived through that may not find the new ones for a long while.
                self._admin = AdminClient(self._options)
                if time.monotonic() + _PAUSE_S >= until:
                    error = fault.args[0] if fault.args else None
                    said = error.str() if isinstance(error, KafkaError) else "no answer"
                    raise DefinitionStoreUnavailableError(
                        f"topic {topics.REGISTRY}: {said}"
                    ) from fault
            time.sleep(_PAUSE_S)

    def _high_watermark(self, timeout: float) -> int:
        asked = self._admin.list_offsets(
            {self._partition: _LATEST},
            isolation_level=IsolationLevel.READ_UNCOMMITTED,
            request_timeout=timeout,
        )
        return int(asked[self._partition].result(timeout + 1).offset)

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()
