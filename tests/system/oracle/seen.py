"""What the oracle judges: bytes as they stood on the topics, rows as they stood in the tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Place(NamedTuple):
    """Where a record is."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Raw:
    """One committed record."""

    place: Place
    key: bytes | None
    value: bytes | None


class Row(NamedTuple):
    """A run as the view ``runs`` shows it, with its rows in ``run_events`` and its audit."""

    status: str
    seq: int
    hashes: tuple[str, ...]
    chain_ok: bool


@dataclass(frozen=True, slots=True)
class Tables:
    """The views: a row a run, the position of each partition of the journal, and failures."""

    runs: dict[str, Row]
    positions: dict[int, int]
    dead: frozenset[Place] = frozenset()
    failures: int = 0
    unpermitted: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that a fault could have broken.

    ``ledger`` holds the idempotency key of every execution of ``tool``; ``poison`` is where
    unusable records were put. ``late_inputs`` says that runs may have ended before what was on
    its way to them arrived. ``ends`` is the end of each partition of the journal.
    """

    requests: tuple[Raw, ...]
    events: tuple[Raw, ...]
    completions: tuple[Raw, ...]
    dead_letters: tuple[Raw, ...] = ()
    results: tuple[Raw, ...] = ()
    tool: str = ""
    ledger: tuple[str, ...] = ()
    poison: frozenset[Place] = frozenset()
    may_be_uncertain: bool = False
    late_inputs: bool = False
    tables: Tables | None = None
    ends: dict[int, int] | None = None
