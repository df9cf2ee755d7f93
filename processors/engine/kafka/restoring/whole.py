"""Whether the log still holds what a lane counts on, when it opens and while it runs."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from runfold.processors.engine.core.history import BrokenChain
from runfold.processors.engine.kafka.inputs.inbox import Inbox
from runfold.processors.engine.kafka.restoring.strange_inputs import Strange
from runfold.producers.log.topics.beginnings import TODO, lost
from runfold.producers.log.topics.remembered import Fit, Now, Remembered, judge, told

COMMAND = "`python -m runfold.processors.run --accept-lost-journal`"
"""Goes on with what is left of a journal, on record."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JournalFault:
    """What a journal has lost: a restore point says that it held more, or another one."""

    journal: str
    partition: int
    start: int
    went_to: Remembered
    now: Now

    @property
    def fits(self) -> bool:
        """Whether it has lost nothing that this lane needs."""
        return {judge(Remembered(self.start), self.now), judge(self._end, self.now)} == {Fit.FITS}

    @property
    def begins_anew(self) -> bool:
        """Whether the lane can only be read from the beginning of what is there."""
        return (
            judge(Remembered(self.start), self.now) is not Fit.FITS
            or judge(self._end, self.now) is Fit.OTHER_TOPIC
        )

    @property
    def _end(self) -> Remembered:
        # An end below the beginning says nothing that the start does not say.
        return Remembered(max(self.went_to.offset, self.now.low), self.went_to.topic_id)

    def sentence(self) -> str:
        """Return what is lost and what helps."""
        if judge(Remembered(self.start), self.now) is Fit.LOST_START:
            return (
                f"{lost(self.journal, self.partition, self.now.low)}; this lane must read from "
                f"offset {self.start} on, and what was live there is lost until it is restored. "
                f"{TODO}. If it cannot be: {COMMAND}."
            )
        went_to = Remembered(max(self.start, self.went_to.offset), self.went_to.topic_id)
        what = told((self.journal, self.partition), went_to, self.now)
        return (
            f"the lane knows that {self.journal}/{self.partition} went on to offset "
            f"{went_to.offset}, {what}. {TODO}. If it cannot be: {COMMAND}."
        )


def need_end(journal: str, partition: int, first: int | None, end: int) -> None:
    """Raise BrokenChain where what was just written stands below ``end``, which was there before.

    ``first`` is the offset of the first event that was written, None where there was none.
    """
    if first is not None and first < end:
        raise BrokenChain(
            f"{journal}/{partition} has lost its end: events that were committed up to offset "
            f"{end} are gone, and others stand from {first} on. {TODO}. If it cannot be: {COMMAND}."
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
