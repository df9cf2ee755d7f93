"""The log port on Kafka: a publisher that waits until it is durable, a reader without a group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import closing
from datetime import datetime

from runfold.events.avro.codec import Codec
from runfold.events.base import Record
from runfold.events.topics import MAX_RECORD_BYTES
from runfold.infra.credentials.signing import Signer
from runfold.infra.kafka import clients
from runfold.producers.log.acknowledging import Acknowledging
from runfold.producers.log.delivery import delivered
from runfold.producers.log.envelope import headers_of, value_of
from runfold.producers.log.kafka_tail import KafkaEnds, KafkaTail
from runfold.producers.log.kept_tails import KeptTails
from runfold.producers.log.partitioner import partition_for
from runfold.producers.log.port import Delivery, Headers, Only, RecordPlace, Start, Until
from runfold.producers.log.tail import (
    BEGINNING,
    Place,
    Positions,
    RawRecord,
    headers_in,
    in_range,
    place_of,
    raise_hopeless,
    time_of,
)

_POLL_S = 0.1
_WAIT_S = 10.0
_AT_ONCE = 500


class Publisher:
    """An idempotent producer whose acknowledgements mean durable; any thread may use it.

    With a ``signer``, requests and controls carry what it proves.
    """

    def __init__(
        self,
        config: Mapping[str, str | int | float],
        codec: Codec,
        source: str = "runfold/client",
        timeout: float = 30.0,
        signer: Signer | None = None,
    ) -> None:
        self._codec = codec
        self._source = source
        self._signer = signer
        self._producer = clients.producer(
            {
                **config,
                "enable.idempotence": True,
                "acks": "all",
                "partitioner": "murmur2_random",
                "compression.type": "lz4",
                "linger.ms": 0,
                "message.max.bytes": MAX_RECORD_BYTES,
                "delivery.timeout.ms": int(timeout * 1000),
                "log_level": 0,
            }
        )
        self._sending = Acknowledging(self._producer)

    def publish(self, topic: str, record: Record, key: str, headers: Headers = ()) -> RecordPlace:
        """Return the place of a record once the broker holds it durably."""
        return self.publish_soon(topic, record, key, headers).result()

    def publish_soon(
        self, topic: str, record: Record, key: str, headers: Headers = ()
    ) -> Future[RecordPlace]:
        """Return, in time, the place of a record; who awaits it needs no thread for it."""
        value = value_of(self._codec, topic, record)
        return self._send(topic, record, value, key, headers)

    def publish_all(
        self, topic: str, records: Sequence[tuple[Record, str]], headers: Headers = ()
    ) -> list[RecordPlace]:
        """Return the places of many records, in their order; the first failure is raised."""
        values = [value_of(self._codec, topic, record) for record, _ in records]
        sent = [
            self._send(topic, record, value, key, headers)
            for value, (record, key) in zip(values, records, strict=True)
        ]
        return _all(sent)

    def drop(self, topic: str, keys: Sequence[str]) -> None:
        """Write a tombstone for each key."""
        _all([self._sending.publish(topic, None, key, []) for key in keys])

    def _send(
        self, topic: str, record: Record, value: bytes, key: str, headers: Headers
    ) -> Future[RecordPlace]:
        # Of the bytes that are sent: what is sealed is signed as it is sealed.
        proof = self._signer.headers(topic, value) if self._signer is not None else ()
        every = [*headers_of(record, key, self._source), *headers, *proof]
        return self._sending.publish(topic, value, key, every)

    def close(self) -> None:
        """Let what is on its way arrive, for at most ten seconds."""
        self._producer.flush(_WAIT_S)


def _all(sent: Sequence[Future[RecordPlace]]) -> list[RecordPlace]:
    # Every one is waited for, also after a failure: nothing is on its way when it is raised.
    wait(sent)
    return [each.result() for each in sent]


class TopicReader:
    """Reads committed records by assignment; it belongs to no group and commits nothing."""

    def __init__(self, config: Mapping[str, str | int | float], codec: Codec) -> None:
        self._codec = codec
        self._kafka = config
        self._ends = KafkaEnds(config)
        self._kept = KeptTails(config)

    def read(
        self,
        topic: str,
        start: Start = "earliest",
        *,
        key: str | None = None,
        follow: bool = False,
        until: Until | None = None,
        only: Only | None = None,
        ends: Mapping[int, int] | None = None,
    ) -> Iterator[Delivery]:
        """Yield a topic's records, as every log reader does."""
        wanted = None if key is None else key.encode()
        # What follows may stay for days: it has a tail of its own.
        lent = closing(KafkaTail(self._kafka)) if follow else self._kept.lent()
        with lent as tail:
            places = tail.places(topic)
            if wanted is not None:
                places = [places[partition_for(wanted, len(places))]]
            starts = self._starts(tail, places, start)
            records = (
                _followed(tail, starts, until)
                if follow
                else _bounded(tail, starts, self._until(places, ends), until)
            )
            for record in records:
                if wanted is not None and record.key() != wanted:
                    continue
                raw = _raw(record)
                if only is None or only(raw):
                    yield delivered(self._codec, raw)

    def begins(self, topic: str) -> Mapping[int, int]:
        """Return the first offset that is kept of each partition."""
        ends = self._ends
        return {number: at for (_, number), at in ends.low(ends.places(topic)).items()}

    def ends(self, topic: str) -> Mapping[int, int]:
        """Return where the committed part of each partition ends."""
        found = self._ends.stable(self._ends.places(topic))
        return {number: at for (_, number), at in found.items()}

    def _until(self, places: list[Place], ends: Mapping[int, int] | None) -> dict[Place, int]:
        if ends is None:
            return self._ends.stable(places)
        return {place: ends.get(place[1], 0) for place in places}

    def _starts(self, tail: KafkaTail, places: list[Place], start: Start) -> dict[Place, int]:
        if isinstance(start, Mapping):
            return {place: start.get(place[1], BEGINNING) for place in places}
        if start == "earliest":
            return dict.fromkeys(places, BEGINNING)
        ends = self._ends
        if start == "latest":
            # Left to the broker, it would be the end at the first fetch.
            return ends.stable(places)
        assert isinstance(start, datetime)
        millis = int(start.timestamp() * 1000)
        found = tail.from_time(places, millis)
        if all(at >= 0 for at in found.values()):
            return found
        # Nothing is that young. The ends are asked for before the time is asked for again: what
        # comes in between is then behind one of the two, and is not missed.
        after = ends.stable(places)
        found = tail.from_time(places, millis)
        return {place: at if at >= 0 else after[place] for place, at in found.items()}


def _bounded(
    tail: KafkaTail, starts: Positions, ends: Positions, until: Until | None
) -> Iterator[RawRecord]:
    for records in in_range(tail, starts, ends):
        for record in records:
            if until is not None and until():
                return
            yield record


def _followed(tail: KafkaTail, starts: Positions, until: Until | None) -> Iterator[RawRecord]:
    tail.assign(starts)
    while until is None or not until():
        portion = tail.take(_AT_ONCE, _POLL_S)
        for number, record in enumerate(portion.records):
            if number and until is not None and until():
                return
            yield record
        # librdkafka gets over all other faults by itself once the broker is back.
        raise_hopeless(portion)


def _raw(record: RawRecord) -> Delivery:
    at = time_of(record)
    return Delivery(_place(record), record.key(), record.value(), headers_in(record), at)


def _place(record: RawRecord) -> RecordPlace:
    topic, partition = place_of(record)
    return RecordPlace(topic, partition, record.offset() or 0)
