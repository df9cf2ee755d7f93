"""The middle of a pool, without I/O: records of a work topic in, results and dead letters out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from runfold.events import topics
from runfold.events.base import Record
from runfold.events.border import cleaned
from runfold.events.calls import CallResult, CallWork
from runfold.events.calls.kinds import CallKind
from runfold.events.errors import WireCode, WireError
from runfold.events.records.operations import DeadLetter, HeaderCopy
from runfold.infra.process.failpoints import failpoint
from runfold.infra.tracing.context import traceparent_of_call
from runfold.processors.effects.failures import too_large
from runfold.processors.effects.gate import CallKey
from runfold.processors.effects.local import LocalEffects
from runfold.processors.effects.metrics import POOL_RESULTS
from runfold.processors.effects.pool.offset_tracker import OffsetTracker
from runfold.processors.effects.pool.open_calls import Asked, OpenCalls, Place

log = logging.getLogger(__name__)

_KEPT_BYTES = 4_000_000

Acknowledged = Callable[[], None]
"""Called once the log has a record for good; from any thread."""


@dataclass(frozen=True, slots=True)
class Received:
    """A record as it came from a work topic."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()


class Encoder(Protocol):
    """The half of the codec that writes."""

    def encode(self, topic: str, record: Record) -> bytes:
        """Return the record's value on the topic."""
        ...


class PoolCodec(Encoder, Protocol):
    """What a pool needs of the codec."""

    def decode(self, topic: str, value: bytes | None) -> object:
        """Return what a value says; raises WireError for what is not a record."""
        ...


class Reports(Protocol):
    """Where a pool writes; both may be called from any thread."""

    def result(self, result: CallResult, traceparent: str, acknowledged: Acknowledged) -> None:
        """Publish a result on ``runs.results``."""
        ...

    def dead_letter(self, received: Received, error: WireError, acknowledged: Acknowledged) -> None:
        """Publish a record that cannot be used."""
        ...


class PoolCore:
    """Makes the calls that the records of a kind's topic ask for, each call and attempt once.

    A record is done, for the tracker it came with, once the log has the call's result. ``len`` is
    the number of calls that are not.
    """

    def __init__(
        self,
        kind: CallKind[Any, Any],
        codec: PoolCodec,
        effects: LocalEffects,
        reports: Reports,
    ) -> None:
        self._kind = kind
        self._codec = codec
        self._effects = effects
        self._reports = reports
        self._calls = OpenCalls()

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def size(self) -> int:
        """How many bytes the records of those calls have."""
        return self._calls.size

    def take(self, received: Received, tracker: OffsetTracker) -> None:
        """Begin the call that a record asks for; one that is not work becomes a dead letter."""
        tracker.take(received.offset)
        place = Place(tracker, received.offset)
        failpoint("pool.after_consume")
        try:
            work = self._work(received)
        except WireError as problem:
            log.warning(
                "%s/%s/%s: %s",
                received.topic,
                received.partition,
                received.offset,
                problem.reason,
            )
            self._reports.dead_letter(received, problem, place.done)
            return
        key = (work.call_id, work.attempt)
        asked = self._calls.add(key, place, len(received.value or b""))
        if asked is not None:
            sent = traceparent_of_call(work.traceparent, *key)
            self._effects.submit(
                work,
                partial(self._publish, key, asked, sent),
                lambda _: self._calls.wish(key, asked),
                lambda _: self._acknowledged(key, asked),
            )

    def pass_by(
        self,
        first: Received,
        end: int,
        reason: str,
        tracker: OffsetTracker,
        code: WireCode = "unreadable_batch",
    ) -> None:
        """Put on record that everything from a place to before ``end`` cannot be read."""
        last = Place(tracker, end - 1)
        tracker.take(end - 1)
        self._reports.dead_letter(first, WireError(code, reason), last.done)

    def _work(self, received: Received) -> CallWork:
        record = self._codec.decode(received.topic, received.value)
        if not isinstance(record, self._kind.work):
            name = type(record).__name__
            raise WireError("wrong_topic", f"{name} is not work of a {self._kind.name} pool.")
        work: CallWork = record
        return work

    def _publish(self, key: CallKey, asked: Asked, traceparent: str, result: Record) -> None:
        assert isinstance(result, CallResult)
        POOL_RESULTS(self._kind.topic, result.outcome.value).inc()
        failpoint("pool.after_handle")
        self._reports.result(result, traceparent, partial(self._acknowledged, key, asked))

    def _acknowledged(self, key: CallKey, asked: Asked) -> None:
        """Note the records of a call as dealt with: its result is out, or its run wants none."""
        for place in self._calls.answered(key, asked):
            place.done()


def encoded(result: CallResult, codec: Encoder) -> bytes:
    """Return a result as ``runs.results`` takes it; one too large for that becomes a failure."""
    value = codec.encode(topics.RESULTS, result)
    if len(value) <= topics.MAX_INPUT_BYTES:
        return value
    refused = result.emptied(too_large(len(value), topics.MAX_INPUT_BYTES))
    return codec.encode(topics.RESULTS, refused)


def dead_letter(received: Received, error: WireError, now: datetime) -> DeadLetter:
    """Return a record that cannot be used, with its bytes, its place and the reason."""
    value = received.value
    letter = DeadLetter(
        topic=received.topic,
        partition=received.partition,
        offset=received.offset,
        time=now,
        code=error.code,
        reason=error.reason,
        size=len(value or b""),
        key=received.key,
        value=value[:_KEPT_BYTES] if value is not None else None,
        headers=tuple(HeaderCopy(key=name, value=value) for name, value in received.headers),
    )
    return cleaned(letter)
