"""Records that keep the machinery honest; they belong to no run."""

from __future__ import annotations

from runfold.events.base import Record, Said, SaidBytes, Timestamp
from runfold.events.values import Position


class PositionNoted(Record):
    """On the journal: inputs up to these offsets are dealt with, though no run's event says so."""

    positions: tuple[Position, ...]
    reason: str


class HeaderCopy(Record):
    """One header of a dead record."""

    key: str
    value: SaidBytes | None


HISTORY_LOST = "history_lost"
"""The code of the dead letter of each run that lived and whose events are gone.

Its ``topic`` is the journal's name, a slash, and the run's id.
"""


class DeadLetter(Record):
    """An input that could not be used, with its bytes, its place and the reason."""

    topic: str
    partition: int
    offset: int
    time: Timestamp
    code: str
    reason: Said
    size: int
    key: bytes | None = None
    value: SaidBytes | None = None
    headers: tuple[HeaderCopy, ...] = ()


class RestorePoint(Record):
    """A hint where a lane may begin to read its journal partition; old ones cost only reading."""

    partition: int
    journal_offset: int
    positions: tuple[Position, ...]
    noted_at: Timestamp


class ParkedRun(Record):
    """A sleeping run's events, carried forward so that it does not hold the restore point back."""

    run_id: str
    values: tuple[bytes, ...]
