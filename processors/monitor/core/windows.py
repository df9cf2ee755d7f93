"""Counts over sliding windows, in buckets: 10 s for windows up to an hour, 5 min beyond.

A window of w at a moment is the last w of whole buckets, the one that the moment is in included.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

FINE = timedelta(seconds=10)
COARSE = timedelta(minutes=5)
FINE_KEPT = timedelta(hours=1)
LONGEST = timedelta(hours=24)
PROOFS = 5
"""How many runs a bucket remembers as its proof."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def bucket_size(window: timedelta) -> timedelta:
    """Return the size of the buckets that a window is made of."""
    return FINE if window <= FINE_KEPT else COARSE


def rounded(milliseconds: int) -> int:
    """Return a duration at two significant digits, halves up: what percentiles are made of."""
    if milliseconds < 100:
        return max(0, milliseconds)
    step = int(10 ** (len(str(milliseconds)) - 2))
    return (milliseconds + step // 2) // step * step


@dataclass(slots=True)
class Cell:
    """What one bucket holds: how many, how much, which durations, and runs that prove it."""

    count: int = 0
    amount: Decimal | int = 0
    durations: dict[int, int] | None = None
    runs: tuple[str, ...] = ()

    def add(self, amount: Decimal | int, run_id: str, *, duration: bool) -> None:
        """Count one more."""
        self.count += 1
        if duration:
            # There are a hundred thousand cells: what most of them lack takes no room.
            self.durations = {} if self.durations is None else self.durations
            value = rounded(int(amount))
            self.durations[value] = self.durations.get(value, 0) + 1
        else:
            self.amount += amount
        if run_id:
            # The newest ones stay.
            others = tuple(known for known in self.runs if known != run_id)
            self.runs = (*others[1 - PROOFS :], run_id)


class Series:
    """One metric of one subject through time; times may come in any order."""

    def __init__(self, *, duration: bool, kept: timedelta) -> None:
        self._duration = duration
        self._kept = {FINE: min(kept, FINE_KEPT), COARSE: kept}
        self._cells: dict[timedelta, dict[int, Cell]] = {FINE: {}}
        if kept > FINE_KEPT:
            self._cells[COARSE] = {}

    def add(self, at: datetime, amount: Decimal | int, run_id: str) -> None:
        """Count what happened at a moment."""
        for size, cells in self._cells.items():
            number = (at - _EPOCH) // size
            cell = cells.get(number)
            if cell is None:
                cell = cells[number] = Cell()
            cell.add(amount, run_id, duration=self._duration)

    def cells(self, window: timedelta, now: datetime) -> Iterator[Cell]:
        """Yield the buckets of a window, newest first."""
        size = bucket_size(window)
        newest = (now - _EPOCH) // size
        cells = self._cells[size]
        for number in range(newest, newest - window // size, -1):
            cell = cells.get(number)
            if cell is not None:
                yield cell

    def prune(self, now: datetime) -> bool:
        """Forget what no window reaches any more; promise whether anything is left."""
        for size, cells in self._cells.items():
            oldest = (now - self._kept[size] - _EPOCH) // size
            for number in [number for number in cells if number <= oldest]:
                del cells[number]
        return any(self._cells.values())


def total(cells: Iterator[Cell]) -> Fraction:
    """Return the exact sum."""
    return Fraction(sum((cell.amount for cell in cells), Decimal(0)))


def durations(cells: Iterator[Cell]) -> dict[int, int]:
    """Return how often each rounded duration occurred."""
    merged: dict[int, int] = {}
    for cell in cells:
        for value, count in (cell.durations or {}).items():
            merged[value] = merged.get(value, 0) + count
    return merged


def percentile(counted: dict[int, int], percent: int) -> int | None:
    """Return the nearest-rank percentile, None where there is nothing."""
    wanted = -(-sum(counted.values()) * percent // 100)
    for value in sorted(counted):
        wanted -= counted[value]
        if wanted <= 0:
            return value
    return None


def proofs(cells: Iterator[Cell], most: int) -> tuple[str, ...]:
    """Return the newest runs of a window, newest first."""
    found: dict[str, None] = {}
    for cell in cells:
        for run_id in reversed(cell.runs):
            found.setdefault(run_id)
            if len(found) >= most:
                return tuple(found)
    return tuple(found)
