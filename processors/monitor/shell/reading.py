"""How the monitor reads: as all others do, within the client's bounds, and past what nobody can.

A batch that can never be read (one that inflates beyond all bounds, or is damaged) ends a lane or
the audit, which must miss nothing. The monitor counts it as unreadable and goes on behind it: who
watches must not be blinded by one batch.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import closing

from runfold.processors.monitor.shell.intake import Gap
from runfold.producers.errors import UnreadableError
from runfold.producers.log.kafka_tail import KafkaEnds, KafkaTail
from runfold.producers.log.tail import (
    BEGINNING,
    Place,
    RawRecord,
    in_range,
    place_of,
    raise_hopeless,
)
from runfold.producers.log.unreadable import end_of_batch

_MOST = 500

_log = logging.getLogger("runfold.processors.monitor")


def to_the_end(
    kafka: Mapping[str, str], topic: str, starts: Mapping[int, float]
) -> Iterator[RawRecord | Gap]:
    """Yield the committed records of a topic from offsets to where it ends now, and its gaps.

    Partitions that ``starts`` does not name are read from their beginning. Raises a LogError where
    the log does not answer.
    """
    log_ends = KafkaEnds(kafka)
    ends = log_ends.stable(log_ends.places(topic))
    wanted = {place: starts.get(place[1], BEGINNING) for place in ends}
    at = {place: int(min(first, ends[place])) for place, first in wanted.items()}
    with closing(KafkaTail(kafka)) as tail:
        while True:
            try:
                for records in in_range(tail, at, ends):
                    for record in records:
                        yield record
                        at[place_of(record)] = (record.offset() or 0) + 1
            except UnreadableError as broken:
                yield (gap := _gap(kafka, broken))
                at[broken.place] = gap.end
            else:
                return


class Following:
    """Follows places from positions on, for good; all calls from one thread."""

    def __init__(self, kafka: Mapping[str, str], positions: Mapping[Place, int]) -> None:
        self._kafka = kafka
        self._at = dict(positions)
        self._tail = KafkaTail(kafka, self._at)

    def take(self, wait_s: float) -> list[RawRecord | Gap]:
        """Return what is there, nothing after ``wait_s``; raises a LogError."""
        try:
            portion = self._tail.take(_MOST, wait_s)
        except UnreadableError as broken:
            gap = _gap(self._kafka, broken)
            self._at[broken.place] = gap.end
            self._tail.assign(self._at)
            return [gap]
        raise_hopeless(portion)
        for record in portion.records:
            self._at[place_of(record)] = (record.offset() or 0) + 1
        return list(portion.records)

    def close(self) -> None:
        """Release the connections."""
        self._tail.close()


def _gap(kafka: Mapping[str, str], broken: UnreadableError) -> Gap:
    """Return a batch that cannot be read, empty if it can be after all; raises UnavailableError."""
    gap = Gap(broken.place, broken.offset, end_of_batch(kafka, broken))
    _log.error("%s It is passed by: reading goes on at offset %d.", broken, gap.end)
    return gap
