"""A pool without a broker: the twin of ``Pool`` for tests and programs in one process."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

from runfold.events import topics
from runfold.events.calls import CallResult
from runfold.events.calls.kinds import CallKind
from runfold.events.errors import WireError
from runfold.events.records.operations import DeadLetter
from runfold.processors.effects.local import LocalEffects
from runfold.processors.effects.pool.core import (
    Acknowledged,
    PoolCodec,
    PoolCore,
    Received,
    dead_letter,
    encoded,
)
from runfold.processors.effects.pool.offset_tracker import OffsetTracker


class MemoryPool:
    """Makes the calls of one partition of a work topic that is a list.

    Work and results pass through the codec, as they do on a log; a result is acknowledged at once.
    """

    def __init__(self, kind: CallKind[Any, Any], codec: PoolCodec, effects: LocalEffects) -> None:
        self._kind = kind
        self._codec = codec
        self._effects = effects
        self._core = PoolCore(kind, codec, effects, self)
        self._tracker = OffsetTracker(0)
        self._offset = 0
        self._arrived = threading.Condition()
        self._results: list[bytes] = []
        self._dead: list[DeadLetter] = []

    def publish(self, value: bytes, key: bytes | None = None) -> int:
        """Put a record on the work topic and return its offset."""
        offset, self._offset = self._offset, self._offset + 1
        self._core.take(Received(self._kind.topic, 0, offset, key, value), self._tracker)
        return offset

    def wait(self, results: int, timeout_s: float = 10.0) -> list[CallResult]:
        """Return all results once there are so many; raises TimeoutError if they do not come."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self._results) >= results, timeout_s):
                raise TimeoutError(f"{len(self._results)} of {results} results came")
            values = list(self._results)
        decoded = [self._codec.decode(topics.RESULTS, value) for value in values]
        return [result for result in decoded if isinstance(result, CallResult)]

    def dead_letters(self) -> list[DeadLetter]:
        """Return the records that could not be used."""
        return list(self._dead)

    def committed(self) -> int:
        """Return the offset before which every record is answered."""
        return self._tracker.to_commit() or 0

    def close(self, grace_s: float = 5.0) -> bool:
        """End as a pool does: wait for what is in flight; False if it had to be cut off."""
        return self._effects.close(grace_s)

    def result(self, result: CallResult, traceparent: str, acknowledged: Acknowledged) -> None:  # noqa: ARG002
        """Take a result, as the log does."""
        value = encoded(result, self._codec)
        acknowledged()
        with self._arrived:
            self._results.append(value)
            self._arrived.notify_all()

    def dead_letter(self, received: Received, error: WireError, acknowledged: Acknowledged) -> None:
        """Take a record that cannot be used, as the log does."""
        self._dead.append(dead_letter(received, error, datetime.now(UTC)))
        acknowledged()
