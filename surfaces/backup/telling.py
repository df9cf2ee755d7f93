"""What is told while a back-up is made or restored: a line a topic, and how far it has come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from runfold.surfaces.backup.records import Kept

Report = Callable[[str], None]
"""Told what is done, one line at a time."""

Progress = Callable[[int, int], None]
"""Told how many records of how many are done, now and then."""

_EVERY = 1000


def _nobody(*_: object) -> None:
    """Tell nobody."""


class Told(NamedTuple):
    """Who is told."""

    line: Report = _nobody
    progress: Progress = _nobody


NOBODY = Told()


class Counted:
    """Counts records of several places as they pass."""

    def __init__(self, progress: Progress, whole: int) -> None:
        self._progress = progress
        self._whole = whole
        self._done = 0

    def over(self, found: Iterable[Kept]) -> Iterator[Kept]:
        """Yield every record, and tell about each thousandth."""
        for each in found:
            yield each
            self._done += 1
            if self._done % _EVERY == 0:
                self._progress(self._done, max(self._done, self._whole))


def line(topic: str, partitions: int, records: int) -> str:
    """Return the line of a topic that is done."""
    places = "1 partition" if partitions == 1 else f"{partitions} partitions"
    return f"{topic}: {records:,} records in {places}"
