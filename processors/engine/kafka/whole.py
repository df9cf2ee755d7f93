"""Whether the log still holds what a lane counts on, when it opens and while it runs."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from runfold.processors.engine.core.history import BrokenChain
from runfold.processors.engine.kafka.inbox import Inbox
from runfold.processors.engine.kafka.strange_inputs import Strange
from runfold.producers.log.beginnings import TODO, lost
from runfold.producers.log.remembered import Fit, Now, Remembered, judge

logger = logging.getLogger(__name__)


def need_whole(journal: str, partition: int, start: int, now: Now) -> None:
    """Raise BrokenChain where the journal does not hold what a restore point says it does.

    Read from where it begins now, what was live before would be forgotten in silence.
    """
    fit = judge(Remembered(start), now)
    if fit is Fit.LOST_START:
        raise BrokenChain(
            f"{lost(journal, partition, now.low)}; this lane must read from offset {start} on, and "
            f"what was live there is lost until it is restored. {TODO}."
        )
    if fit is Fit.LOST_END:
        raise BrokenChain(
            f"{journal}/{partition} ends at offset {now.high}, and a restore point says that it "
            f"went on to {start}: it has lost its end, or was made anew. {TODO}."
        )


def need_end(journal: str, partition: int, first: int | None, end: int) -> None:
    """Raise BrokenChain where what was just written stands below ``end``, which was there before.

    ``first`` is the offset of the first event that was written, None where there was none.
    """
    if first is not None and first < end:
        raise BrokenChain(
            f"{journal}/{partition} has lost its end: events that were committed up to offset "
            f"{end} are gone, and others stand from {first} on. {TODO}."
        )


def starts_behind(
    positions: Mapping[str, int], gone: Iterable[Strange], inbox: Inbox
) -> dict[str, int]:
    """Return where to begin to read, behind inputs that are gone; a lane is told of those first."""
    starts = dict(positions)
    for each in gone:
        logger.critical("inputs: %s", each.sentence())
        inbox.put(each.deleted())
        starts[each.topic] = each.now.low
    return starts
