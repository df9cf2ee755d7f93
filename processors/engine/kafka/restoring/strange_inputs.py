"""Lanes whose remembered positions do not belong to the input topics that are there now.

Of another topic, or beyond the end: the lane does not open before an operator says so, since the
right topic may come back. Before the beginning: what was there is gone for good, and waiting does
not help. It is passed by, with a dead letter that names the offsets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runfold.processors.engine.core.inputs import Deleted
from runfold.producers.log.topics.remembered import Fit, Now, Remembered, judge, told
from runfold.producers.log.topics.topic_ids import begun_again

COMMAND = "`python -m runfold.processors.run --take-new-inputs`"
"""Begins such topics at their beginning, on record."""


@dataclass(frozen=True, slots=True)
class Strange:
    """A position that is not of the topic of that name now, or that the topic has passed."""

    topic: str
    partition: int
    remembered: Remembered
    now: Now

    @property
    def fit(self) -> Fit:
        """How it stands to the topic of now."""
        return judge(self.remembered, self.now)

    @property
    def stops(self) -> bool:
        """Whether the lane does not open."""
        return self.fit is not Fit.LOST_START

    @property
    def position(self) -> int:
        """The next offset, as it is remembered."""
        return self.remembered.offset

    def sentence(self) -> str:
        """Return what is wrong and what settles it."""
        place = f"{self.topic}/{self.partition}"
        what = told((self.topic, self.partition), self.remembered, self.now)
        found = f"the journal says that {place} is decided up to offset {self.position}, {what}."
        if not self.stops:
            return f"{found} A dead letter says so; whoever sent them must send them again."
        return (
            f"{found} Its records are not taken before {COMMAND} has been run: it begins at the "
            "beginning of what is there now, and requests that are known are not run again."
        )

    def todo(self) -> str:
        """Return what settles it."""
        if not self.stops:
            return "see why nobody read them for so long, and have them sent again"
        return f"make sure that these are the right topics, then {COMMAND}"

    def new_id(self) -> str:
        """Return the id under which the topic of now is noted."""
        noted, now = self.remembered.topic_id, self.now.topic_id
        return begun_again(now, self.position) if noted == now else now

    def deleted(self) -> Deleted:
        """Return what the lane takes in place of the records that are gone."""
        first, low = self.position, self.now.low
        reason = f"the offsets {first} to {low - 1} were deleted before they were read"
        return Deleted(self.topic, first, None, None, (), 0, low, reason)


def strange(
    partition: int, remembered: Mapping[str, Remembered], now: Mapping[str, Now]
) -> list[Strange]:
    """Return the positions that do not fit the topics of now."""
    found = [
        Strange(topic, partition, at, now[topic])
        for topic, at in sorted(remembered.items())
        if topic in now
    ]
    return [each for each in found if each.fit is not Fit.FITS]
