"""Reports what a projector has committed: metrics, and spans where they are switched on.

Each event is reported once in the life of the process. Counters begin at 0 with it, which
Prometheus knows how to read; what is projected again, by a rebuild or after a commit whose outcome
was unknown, is not reported again. Nothing here can hold the projector up: it then reports nothing.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

from runfold.infra.tracing.spans import Traces
from runfold.projections.observability import metrics
from runfold.projections.observability.counting.tally import Tally
from runfold.projections.observability.run_spans import RunSpans
from runfold.projections.store.reading.record_batch import RecordBatch, TopicPartition, place_of
from runfold.projections.view import Placed

_log = logging.getLogger(__name__)

_LOOK_EVERY_S = 1.0


class Watcher:
    """Counts and traces what is committed; ``count`` False leaves the counting out."""

    def __init__(self, traces: Traces | None = None, *, count: bool = True) -> None:
        self._tally = Tally() if count else None
        self._spans = RunSpans(traces) if traces is not None else None
        self._reported: dict[TopicPartition, int] = {}
        self._looked = 0.0

    @property
    def wants_items(self) -> bool:
        """Whether it looks at the items of what was committed."""
        return self._tally is not None or self._spans is not None

    def begin(self, ends: Mapping[TopicPartition, int]) -> None:
        """Leave out what lies before these offsets: it was projected before this process began."""
        for place in self._reported.keys() - ends.keys():
            # Another projector has it now, and says how far it is.
            metrics.LAG(*_labels(place)).set(0)
        for place, offset in ends.items():
            self._reported[place] = max(offset, self._reported.get(place, 0))
            metrics.POSITION(*_labels(place)).set(self._reported[place])

    def committed(self, batch: RecordBatch, seconds: float) -> None:
        """Report a batch whose rows were committed within these seconds."""
        if not self.wants_items:
            return
        try:
            self._report(batch, seconds)
        except Exception:  # noqa: BLE001 - a metric is not worth a view
            _log.exception("a committed batch could not be counted")

    def must_look(self) -> bool:
        """Return whether it is time to look at the log's ends again: once a second."""
        now = time.monotonic()
        if now - self._looked < _LOOK_EVERY_S:
            return False
        self._looked = now
        return True

    def ends(self, found: Mapping[TopicPartition, int]) -> None:
        """Take the ends of the log, as the next offsets after its last records."""
        behind = 0
        for place, end in found.items():
            lag = max(0, end - self._reported.get(place, 0) - 1)
            metrics.LAG(*_labels(place)).set(lag)
            behind += lag
        if not behind:
            metrics.DELAY().set(0)

    def _report(self, batch: RecordBatch, seconds: float) -> None:
        metrics.WRITE_SECONDS().observe(seconds)
        fresh = [
            item for item in batch.items if item.offset >= self._reported.get(place_of(item), 0)
        ]
        events = [item for item in fresh if isinstance(item, Placed)]
        for place, number in Counter(map(place_of, fresh)).items():
            metrics.EVENTS(*_labels(place)).inc(number)
        for place, end in batch.ends.items():
            self._reported[place] = max(end, self._reported.get(place, 0))
            metrics.POSITION(*_labels(place)).set(end)
        if events:
            age = datetime.now(UTC) - max(events[0].meta.time, events[-1].meta.time)
            metrics.DELAY().set(max(0.0, age.total_seconds()))
        if self._tally is not None:
            self._tally.committed(events)
        if self._spans is not None:
            self._spans.committed(events)


def _labels(place: TopicPartition) -> tuple[str, str]:
    return place[0], str(place[1])
