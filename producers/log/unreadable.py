"""Where a batch that nobody can read ends, so that a reader of inputs can go on behind it.

The client says where such a batch begins and keeps the rest to itself. A fetch from an offset
within the batch fails with the same beginning, one from behind it does not: the end is searched
for, in about twice the binary logarithm of the batch's length.
"""

from __future__ import annotations

import time
from contextlib import closing

from runfold.producers.errors import UnavailableError, UnreadableError
from runfold.producers.log.consumers import Settings
from runfold.producers.log.kafka_tail import KafkaEnds, KafkaTail

_SETTINGS: Settings = {
    # Uncommitted records are read as well: an open transaction must not hide what is behind.
    "isolation.level": "read_uncommitted",
    "fetch.wait.max.ms": 10,
    "fetch.error.backoff.ms": 5,
    "queued.min.messages": 1,
}
_WAIT_S = 0.1
_LONGEST_S = 20.0


def end_of_batch(kafka: Settings, broken: UnreadableError) -> int:
    """Return the first offset behind a batch, and where it begins if it can be read after all.

    Raises UnavailableError where the brokers do not answer in time.
    """
    until = time.monotonic() + _LONGEST_S
    end = KafkaEnds(kafka).high([broken.place])[broken.place]
    with closing(KafkaTail(kafka, own=_SETTINGS, lookup_s=_WAIT_S)) as tail:
        inside, outside = broken.offset - 1, min(broken.offset, end)
        step = 1
        while outside < end and _is_inside(tail, broken, outside, until):
            inside, outside = outside, min(end, outside + step)
            step *= 2
        while outside - inside > 1:
            middle = (inside + outside) // 2
            if _is_inside(tail, broken, middle, until):
                inside = middle
            else:
                outside = middle
    return outside


def _is_inside(tail: KafkaTail, broken: UnreadableError, offset: int, until: float) -> bool:
    tail.assign({broken.place: offset})
    while time.monotonic() < until:
        try:
            portion = tail.take(1, _WAIT_S)
        except UnreadableError as found:
            return found.offset == broken.offset
        if portion.records or portion.reached:
            return False
    topic, partition = broken.place
    raise UnavailableError(f"Kafka has been silent about {topic}/{partition}: check that it runs.")
