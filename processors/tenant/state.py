"""What is known of a tenant: who runs, who waits, and the books of the periods that last.

(none) ── BooksOpened ──▶ open ── BooksOpened ──▶ open …   it never ends
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from runfold.events.tenant import Admission, Book, Pace, Settled, TenantStatus, Waiting
from runfold.processors.tenant.behaviour import FIRST


class BookKey(NamedTuple):
    """Which book: whose use of which unit in which period."""

    of: str
    name: str
    unit: str
    period: str


class PaceKey(NamedTuple):
    """Which pace: whose starts by which rule."""

    of: str
    name: str
    rule: str


def key_of_pace(pace: Pace) -> PaceKey:
    """Return the key of a pace."""
    return PaceKey(pace.of, pace.name, pace.rule)


def key_of_book(book: Book) -> BookKey:
    """Return the key of a book."""
    return BookKey(book.of, book.name, book.unit, book.period)


@dataclass(frozen=True)
class Period:
    """A period of the journal: its number, its behaviour, and how many facts it has."""

    number: int = 0
    behaviour: int = FIRST
    entries: int = 0


@dataclass(frozen=True)
class Tenant:
    """A tenant; ``waiting`` is in the fair order.

    ``clock`` and ``shares`` are how far the fair order has come, altogether and for each flow.
    ``settled`` are the runs that have ended and of which calls may still report a cost, the oldest
    first.
    """

    tenant_id: str
    period: Period = Period()
    clock: int = 0
    arrivals: int = 0
    running: Mapping[str, Admission] = field(default_factory=lambda: MappingProxyType({}))
    waiting: tuple[Waiting, ...] = ()
    shares: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    books: Mapping[BookKey, Book] = field(default_factory=lambda: MappingProxyType({}))
    reviewed_at: datetime | None = None
    paces: Mapping[PaceKey, Pace] = field(default_factory=lambda: MappingProxyType({}))
    settled: Mapping[str, Settled] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def status(self) -> TenantStatus:
        """Where it stands."""
        return TenantStatus.OPEN

    @property
    def traceparent(self) -> str:
        """The trace context of its events: one trace a tenant, on any machine."""
        return _traceparent(self.tenant_id)

    def waits(self, run_id: str) -> Waiting | None:
        """Return a run's place in the queue, None where it does not wait."""
        return next((each for each in self.waiting if each.asks.run_id == run_id), None)


@lru_cache(maxsize=4096)
def _traceparent(tenant_id: str) -> str:
    digest = hashlib.sha256(tenant_id.encode()).hexdigest()
    return f"00-{digest[:32]}-{digest[32:48]}-01"
