"""What a view is: a few tables, and a pure function from a batch of the log to their rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Table

from runfold.events.base import Fact
from runfold.events.definitions import StoreRecord
from runfold.events.errors import WireError
from runfold.events.records.operations import DeadLetter
from runfold.events.run import Meta
from runfold.events.tenant import TenantMeta
from runfold.projections.store.rows.lines import lines_of

Row = dict[str, Any]


class Placed(NamedTuple):
    """An event with its place on the journal and the sha256 of its bytes, hexadecimal."""

    meta: Meta
    fact: Fact
    partition: int
    offset: int
    hash: str


class PlacedDeadLetter(NamedTuple):
    """A dead letter with its place."""

    record: DeadLetter
    partition: int
    offset: int


class Stored(NamedTuple):
    """A record of the definition store with its place."""

    record: StoreRecord
    partition: int
    offset: int


class OfTenant(NamedTuple):
    """An event of a tenant with its place on that journal."""

    meta: TenantMeta
    fact: Fact
    partition: int
    offset: int


class Unreadable(NamedTuple):
    """A record of the journal that could not be decoded."""

    error: WireError
    topic: str
    partition: int
    offset: int
    time: datetime
    key: bytes | None
    value: bytes


@dataclass(slots=True)
class Batch:
    """A batch of the log, in order within each partition."""

    events: list[Placed] = field(default_factory=list)
    dead_letters: list[PlacedDeadLetter] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    stored: list[Stored] = field(default_factory=list)
    tenants: list[OfTenant] = field(default_factory=list)

    def of(self, kinds: frozenset[type[Fact]]) -> list[Placed]:
        """Return the events of these kinds, in order: most views care for few."""
        return [placed for placed in self.events if type(placed.fact) in kinds]


@dataclass(slots=True)
class Rows:
    """What a view makes of one batch after another.

    ``appended`` rows are new and complete, their values in the order of the table's columns;
    ``lines`` are more of them, as COPY takes them. ``changed`` rows, by key, are new, or change
    the row with the same key as the columns' merge rules say.
    """

    appended: dict[Table, list[tuple[Any, ...]]] = field(default_factory=dict)
    lines: dict[Table, list[str]] = field(default_factory=dict)
    changed: dict[Table, dict[Any, Row]] = field(default_factory=dict)

    def append(self, table: Table, rows: list[tuple[Any, ...]]) -> None:
        """Add rows that are new."""
        self.appended.setdefault(table, []).extend(rows)

    def make_lines(self) -> None:
        """Make lines of the appended rows."""
        for table, rows in self.appended.items():
            self.lines.setdefault(table, []).extend(lines_of(rows))
        self.appended.clear()

    def of(self, table: Table) -> dict[Any, Row]:
        """Return the changed rows of a table by key, to be changed."""
        return self.changed.setdefault(table, {})

    @property
    def merged(self) -> dict[Table, list[Row]]:
        """The changed rows of each table, each once, in the order in which they came up."""
        return {table: list(rows.values()) for table, rows in self.changed.items()}


@dataclass(frozen=True)
class View:
    """Tables that are a fold of the log; ``topics`` are what they are made from.

    ``add`` folds a batch into the rows of those before it. Batches that come together must give
    the same rows as one batch of all their events.
    """

    name: str
    tables: tuple[Table, ...]
    add: Callable[[Batch, Rows], None]
    topics: tuple[str, ...]

    def fold(self, batch: Batch) -> Rows:
        """Return the rows of one batch."""
        rows = Rows()
        self.add(batch, rows)
        return rows


def bump(row: Row, name: str, by: Any = 1) -> None:
    """Add to a counter of a row."""
    row[name] = row.get(name, 0) + by
