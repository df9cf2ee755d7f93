"""Whether the journal still holds what running lanes count on, also where nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from runfold.infra.process.looking import Looking
from runfold.processors.engine.kafka.restoring.whole import JournalFault
from runfold.producers.errors import LogError
from runfold.producers.log.consumers import Settings
from runfold.producers.log.topics.now import now_of
from runfold.producers.log.topics.remembered import Remembered

Reaches = Callable[[], Mapping[int, tuple[int, int]]]
"""Returns, for each running lane, from where it can be folded, and where its journal ends."""


class JournalWatch(Looking):
    """Calls ``lost`` with a partition and a sentence where its journal lost end or beginning."""

    def __init__(
        self,
        kafka: Settings,
        journal: str,
        reaches: Reaches,
        lost: Callable[[int, str], None],
        every_s: float,
    ) -> None:
        super().__init__("journal-watch", every_s, LogError)
        self._kafka = kafka
        self._journal = journal
        self._reaches = reaches
        self._lost = lost

    def look(self) -> bool:
        """Compare what each lane counts on with what is there."""
        # What lanes count on is noted first: what is written meanwhile makes the end larger.
        reaches = dict(self._reaches())
        now = now_of(self._kafka, [(self._journal, partition) for partition in reaches])
        for partition, (start, end) in reaches.items():
            there = now[self._journal, partition]
            fault = JournalFault(self._journal, partition, start, Remembered(end), there)
            if not fault.fits:
                self._lost(partition, fault.sentence())
        return False
