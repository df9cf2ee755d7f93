"""The registry topic on a broker."""

from __future__ import annotations

import time
from collections.abc import Mapping

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.definitions import StoreRecord
from runfold.events.errors import RegistryError, WireError
from runfold.infra.process.stall import Positions
from runfold.processors.definitions.source import Arrived, DefinitionStoreUnavailableError
from runfold.producers.errors import LogError
from runfold.producers.log.consumers import Settings
from runfold.producers.log.kafka_tail import KafkaEnds, KafkaTail
from runfold.producers.log.tail import BEGINNING, RawRecord

_REGISTRY = (topics.REGISTRY, 0)
_PAUSE_S = 0.1


class KafkaDefinitionLog:
    """The registry topic on a broker, read as a whole by every process: it has no group."""

    def __init__(
        self,
        kafka: Mapping[str, str | int | float],
        codec: Codec,
        group: str = "runfold-registry",
    ) -> None:
        self._codec = codec
        self._held: RawRecord | None = None
        self._next = 0
        own: Settings = {"group.id": group, "fetch.wait.max.ms": 500, "log_level": 6}
        self._tail = KafkaTail(kafka, {_REGISTRY: BEGINNING}, own, lookup_s=2)
        # A consumer that one thread polls keeps every other thread waiting.
        self._ends = KafkaEnds(kafka)

    def poll(self, timeout: float) -> Arrived | None:
        """Return what comes next within ``timeout`` seconds, or None; never raises for a record."""
        if self._held is not None:
            return self._read(self._held, timeout)
        portion = self._tail.take(1, timeout)
        if portion.records:
            return self._read(portion.records[0], timeout)
        if _REGISTRY in portion.reached:
            self._next = portion.reached[_REGISTRY]
            return Arrived(self._next)
        return None

    def _read(self, message: RawRecord, timeout: float) -> Arrived | None:
        after = self._next = (message.offset() or 0) + 1
        self._held = None
        if message.value() is None:
            # It fills an offset of a restored topic.
            return Arrived(after)
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
        return {} if self._held is not None else {_REGISTRY: self._next}

    def end(self, timeout: float) -> int:
        """Return the high watermark, asked of the broker now, again while ``timeout`` lasts."""
        until = time.monotonic() + timeout
        while True:
            try:
                wait_s = max(0.1, until - time.monotonic())
                return self._ends.high([_REGISTRY], wait_s)[_REGISTRY]
            except LogError as error:
                if time.monotonic() + _PAUSE_S >= until:
                    raise DefinitionStoreUnavailableError(
                        f"topic {topics.REGISTRY}: {error}"
                    ) from error
            time.sleep(_PAUSE_S)

    def close(self) -> None:
        """Leave the broker."""
        self._tail.close()
