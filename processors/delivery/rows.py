"""What the tables hold: events that a subscription is to get, and how attempts ended."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class Key(NamedTuple):
    """A subscription or a subscriber: whose it is, empty for all tenants, and its name."""

    scope: str
    name: str


class Wanted(NamedTuple):
    """An event that a subscription is to get."""

    scope: str
    subscription: str
    run_id: str
    seq: int
    tenant_id: str
    partition: int
    journal_offset: int
    type: str
    status: str
    occurred_at: datetime


class Pending(NamedTuple):
    """The same with its number in the table, and with what was tried until now.

    Numbers grow in the order in which rows of a partition are committed: the events of a run are
    in the order of their numbers.
    """

    number: int
    scope: str
    subscription: str
    run_id: str
    seq: int
    tenant_id: str
    partition: int
    journal_offset: int
    type: str
    status: str
    occurred_at: datetime
    replay: int = 0
    attempts: int = 0
    due_at: datetime | None = None

    @property
    def key(self) -> Key:
        """The subscription."""
        return Key(self.scope, self.subscription)


class Outcome(NamedTuple):
    """How an attempt ended: ``state`` is what the delivery is now, open where it is retried."""

    number: int
    state: str
    attempt: int
    due_at: datetime | None
    code: int | None
    error: str | None
    took_ms: int
    attempted_at: datetime


class Notice(NamedTuple):
    """An event that a subscriber is to hear of; ``said`` holds no contents of the run."""

    scope: str
    subscriber: str
    event_id: str
    tenant_id: str
    run_id: str
    about: str
    said: str
    partition: int
    occurred_at: datetime
    due_at: datetime
