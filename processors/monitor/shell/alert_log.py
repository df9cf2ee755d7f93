"""The topic ``alerts`` as the monitor writes it: one writer at a time, nothing twice.

The order matters:
1. ``init_transactions`` fences every older monitor and settles what it left open
2. only then the topic is read back, so nothing can be written behind the reader's back
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from confluent_kafka import KafkaError, KafkaException

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.headers import headers
from runfold.events.errors import WireError
from runfold.events.records.alerts import AlertCleared, AlertRaised
from runfold.infra.kafka import clients
from runfold.processors.monitor.core.alerts import Said
from runfold.processors.monitor.shell.intake import Gap
from runfold.processors.monitor.shell.reading import to_the_end
from runfold.producers.log.tail import RawRecord

TRANSACTIONAL_ID = "runfold-monitor-alerts"
_WAIT_S = 20.0
_FENCED = frozenset({KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH})  # noqa: SLF001 - its public name


class AlertLogError(Exception):
    """What was to be said may or may not stand on the topic: begin again and read it back."""


class SupersededError(AlertLogError):
    """Another monitor has taken over; this one must end."""


class AlertLog:
    """The one writer of ``alerts``."""

    def __init__(self, kafka: Mapping[str, str], codec: Codec) -> None:
        self._codec = codec
        self._kafka = kafka
        self._producer = clients.producer(
            {
                **kafka,
                "transactional.id": TRANSACTIONAL_ID,
                "transaction.timeout.ms": 10_000,
                "linger.ms": 0,
                "log_level": 0,
            }
        )

    def open(self) -> list[Said]:
        """Take over from any other monitor and return all that was said; raises AlertLogError."""
        try:
            self._producer.init_transactions(_WAIT_S)
        except KafkaException as error:
            raise _translated(error) from error
        found = (self._record(raw) for raw in to_the_end(self._kafka, topics.ALERTS, {}))
        return [each for each in found if isinstance(each, AlertRaised | AlertCleared)]

    def say(self, said: Sequence[Said]) -> None:
        """Put some on the topic, all or none; raises AlertLogError, after which open anew."""
        try:
            self._producer.begin_transaction()
            for record in said:
                key = f"{record.rule}/{record.subject}"
                kind = type(record).__name__
                event_id = f"{record.alert_id}/{kind}"
                self._producer.produce(
                    topics.ALERTS,
                    value=self._codec.encode(topics.ALERTS, record),
                    key=key.encode(),
                    headers=list(
                        headers(kind, event_id, "runfold/monitor", datetime.now(UTC), key, "")
                    ),
                )
            self._producer.commit_transaction(_WAIT_S)
        except KafkaException as error:
            raise _translated(error) from error

    def _record(self, raw: RawRecord | Gap) -> object:
        """Return a record; what nobody can read says nothing, and is said again if need be."""
        if isinstance(raw, Gap):
            return None
        try:
            return self._codec.decode(topics.ALERTS, raw.value())
        except WireError:
            return None


def _translated(error: KafkaException) -> AlertLogError:
    problem = error.args[0]
    if problem.code() in _FENCED:
        return SupersededError(
            "Another monitor has taken over: run one monitor for a deployment, and no more."
        )
    return AlertLogError(f"Kafka did not take the alerts: {problem.str()}")
