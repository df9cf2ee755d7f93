"""Whether remembered positions belong to the input topics that are there now, and what if not.

A topic that was created again, or restored from an older copy, begins its offsets again: whoever
goes on from the remembered one skips, in silence, what is appended until then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runfold.producers.log.topic_ids import begun_again, is_of

COMMAND = "`python -m runfold.processors.run --take-new-inputs`"
"""Begins such topics at their beginning, on record."""


@dataclass(frozen=True, slots=True)
class Strange:
    """A position that is of another topic than the one of that name now."""

    topic: str
    partition: int
    position: int
    end: int
    noted: str
    now: str

    def sentence(self) -> str:
        """Return what is wrong and what settles it."""
        place = f"{self.topic}/{self.partition}"
        if is_of(self.noted, self.now) or not self.noted:
            what = f"and {place} ends at {self.end}: it has lost its end, or was created again"
        else:
            what = f"of a topic with the id {self.noted}, and that of now is {self.now}"
        return (
            f"the journal says that {place} is decided up to offset {self.position}, {what}. Its "
            f"records are not taken before {COMMAND} has been run: it begins at the beginning of "
            "what is there now, and requests that are known are not run again."
        )

    @staticmethod
    def todo() -> str:
        """Return the command that settles it."""
        return f"make sure that these are the right topics, then {COMMAND}"

    def new_id(self) -> str:
        """Return the id under which the topic of now is noted."""
        return begun_again(self.now, self.position) if self.noted == self.now else self.now


def strange(
    partition: int,
    positions: Mapping[str, int],
    noted: Mapping[str, str],
    now: Mapping[str, str],
    ends: Mapping[str, int],
) -> list[Strange]:
    """Return the positions that do not belong to the topics of now; 0 belongs to any."""
    return [
        Strange(topic, partition, at, ends[topic], known, now[topic])
        for topic, at in sorted(positions.items())
        if at > 0 and topic in now
        for known in [noted.get(topic, "")]
        if at > ends[topic] or (known and not is_of(known, now[topic]))
    ]
