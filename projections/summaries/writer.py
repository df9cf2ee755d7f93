"""Summaries onto the topic: one transactional producer a partition, which fences the one before."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaException
from pydantic import ValidationError

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.headers import Headers, headers
from runfold.events.errors import WireError
from runfold.events.records.summaries import RunSummary
from runfold.infra.kafka import clients
from runfold.infra.kafka.rights import SUMMARIES
from runfold.infra.process.failpoints import failpoint
from runfold.projections.observability.metrics import SUMMARIES_LEFT_OUT, SUMMARIES_WRITTEN
from runfold.projections.summaries.due import Due

_log = logging.getLogger(__name__)

_WAIT_S = 20.0


class SummaryWriter:
    """The one writer of a partition of runs.summaries; every method raises KafkaException.

    After one it is of no more use: make another, which settles what this one left open.
    """

    def __init__(self, kafka: Mapping[str, Any], codec: Codec, partition: int) -> None:
        self._codec = codec
        self._partition = partition
        self._producer = clients.producer(
            {
                **kafka,
                "transactional.id": f"{SUMMARIES}{partition}",
                "transaction.timeout.ms": 10_000,
                "linger.ms": 5,
                "partitioner": "murmur2_random",
                "message.max.bytes": topics.MAX_RECORD_BYTES,
                "log_level": 0,
            }
        )
        failpoint("summaries.before_fence")
        _patiently_init(self._producer)
        failpoint("summaries.after_fence")

    def write(self, notes: Sequence[Due]) -> None:
        """Write a summary for each note, or a tombstone; all of them durably, or none."""
        self._producer.begin_transaction()
        for each in notes:
            self._put(each)
        failpoint("summaries.after_produce")
        self._producer.commit_transaction(_WAIT_S)
        failpoint("summaries.after_commit")

    def _put(self, due: Due) -> None:
        found = self._value(due)
        if found is None:
            return
        value, said = found
        try:
            self._produce(due.run_id, value, said)
        except BufferError:
            self._producer.flush(_WAIT_S)
            self._produce(due.run_id, value, said)

    def _produce(self, run_id: str, value: bytes | None, said: Headers) -> None:
        self._producer.produce(
            topics.SUMMARIES,
            value,
            run_id.encode(),
            self._partition,
            headers=said,  # type: ignore[arg-type] # the stub has an invariant list
        )

    def _value(self, due: Due) -> tuple[bytes | None, Headers] | None:
        """Return value and headers; None for a row that no summary can hold, which is said."""
        if due.row is None:
            return None, []
        try:
            record = RunSummary(**due.row)
            value = self._codec.encode(topics.SUMMARIES, record)
        except (ValidationError, WireError) as error:
            SUMMARIES_LEFT_OUT().inc()
            _log.error("run %s has no summary: %s", due.run_id, type(error).__name__)
            return None
        SUMMARIES_WRITTEN().inc()
        event_id, at = f"{record.run_id}/{record.seq}", record.updated_at
        return value, headers("RunSummary", event_id, "runfold/projector", at, record.run_id, "")


def _patiently_init(producer: clients.Producer) -> None:
    """Fence the writer before; while the broker settles what it left open, ask again."""
    for left in range(9, -1, -1):
        try:
            producer.init_transactions(_WAIT_S)
        except KafkaException as error:
            if not left or not error.args[0].retriable():
                raise
        else:
            return
