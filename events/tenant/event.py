"""An event of a tenant's journal: a fact with its place in the tenant's chain."""

from __future__ import annotations

from dataclasses import dataclass

from runfold.events.base import Fact, Record, Symbol, Timestamp
from runfold.events.values import Actor


class TenantStatus(Symbol):
    """Where a tenant stands: it never ends."""

    UNKNOWN = "unknown"
    OPEN = "open"


class TenantMeta(Record):
    """The head of an event of a tenant's journal; its fields are those of a run's event."""

    tenant_id: str
    seq: int
    time: Timestamp
    status: TenantStatus
    cause: str
    actor: Actor
    traceparent: str
    prev_hash: bytes
    definitions: int


@dataclass(frozen=True, slots=True)
class TenantEvent:
    """A fact of a tenant as it stands in the journal."""

    meta: TenantMeta
    fact: Fact

    @property
    def id(self) -> str:
        """The event's id on the wire: ``tenant_id/seq``."""
        return f"{self.meta.tenant_id}/{self.meta.seq}"

    @property
    def type(self) -> str:
        """The record's name on the wire."""
        return type(self.fact).__name__
