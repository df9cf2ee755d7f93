"""The monitor without I/O: takes facts, and says at a moment what is to be raised or cleared."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from runfold.events.records.operations import DeadLetter
from runfold.events.run import Event
from runfold.processors.monitor.core.alerts import AlertBook, Said
from runfold.processors.monitor.core.findings import find
from runfold.processors.monitor.core.observe import observe
from runfold.processors.monitor.core.readings import Moment
from runfold.processors.monitor.core.rules import AlertRules
from runfold.processors.monitor.core.runs import MOST_ENDED, Runs
from runfold.processors.monitor.core.store import SUBJECTS, Observation, Store
from runfold.processors.monitor.core.windows import COARSE


@dataclass(slots=True)
class Tally:
    """What was taken since this monitor began; ``events`` counts each one once."""

    events: int = 0
    duplicates: int = 0
    unreadable: int = 0
    dead_letters: int = 0


class Monitor:
    """One deployment's health as its journal tells it.

    It remembers the last ``ended`` runs that have ended, and as many records that say nothing; of
    each dimension it tells ``subjects`` names apart.
    """

    def __init__(self, book: AlertRules, ended: int = MOST_ENDED, subjects: int = SUBJECTS) -> None:
        self.book = book
        self.alerts = AlertBook()
        self.tally = Tally()
        kept = book.longest + COARSE
        self.runs = Runs(kept, ended)
        self.store = Store(kept, subjects)
        self.covered_from: datetime | None = None
        self._odd: OrderedDict[tuple[str, int, int], datetime] = OrderedDict()
        self._most_odd = ended
        self.kept = kept

    def take(self, event: Event) -> bool:
        """Count a fact, and promise whether it is new: one taken before changes nothing."""
        run = self.runs.take(event.meta)
        if run is None:
            self.tally.duplicates += 1
            return False
        self.tally.events += 1
        for seen in observe(run, event.fact, event.meta.time):
            self.store.add(seen)
        self.runs.settle(run)
        return True

    def take_letter(self, letter: DeadLetter) -> None:
        """Count a dead letter once, whoever wrote it twice."""
        if self._is_new(letter.topic, letter.partition, letter.offset, letter.time):
            self.tally.dead_letters += 1
            self.store.add(Observation("dead_letters", letter.time))

    def take_unreadable(self, topic: str, partition: int, offset: int, at: datetime) -> None:
        """Count a record that says nothing, once."""
        if self._is_new(topic, partition, offset, at):
            self.tally.unreadable += 1
            self.store.add(Observation("unreadable", at))

    def moment(self, now: datetime) -> Moment:
        """Return everything that is known, as of a moment that all facts before were taken of."""
        return Moment(self.store, self.runs, self.book.allowed, now)

    def evaluate(self, now: datetime) -> list[Said]:
        """Return what is to be said on ``alerts``; everything before ``now`` must be taken."""
        for pruned in (self.store, self.runs):
            pruned.prune(now)
        while self._odd and next(iter(self._odd.values())) < now - self.kept:
            self._odd.popitem(last=False)
        moment = self.moment(now)
        covered = self.covered_from or now
        findings = find(self.book, moment, covered, list(self.alerts.raised))
        return self.alerts.decide(findings, self.book.names, now, self.book.hold)

    def _is_new(self, topic: str, partition: int, offset: int, at: datetime) -> bool:
        place = (topic, partition, offset)
        if place in self._odd:
            self.tally.duplicates += 1
            return False
        self._odd[place] = at
        if len(self._odd) > self._most_odd:
            self._odd.popitem(last=False)
        return True
