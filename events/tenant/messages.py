"""What runs and tenants say to each other, each in the transaction of the event that says it."""

from __future__ import annotations

from runfold.events.base import Money, Record, Symbol
from runfold.events.tenant.values import Amount, Asks


class AdmissionAsked(Record):
    """A run asks its tenant to be admitted."""

    tenant_id: str
    asks: Asks


class RunReturned(Record):
    """A run that had asked is over: what it used, which is nothing where it never began."""

    tenant_id: str
    run_id: str
    spent: Money
    tokens: int
    tool_calls: int


class Verdict(Symbol):
    """What a tenant answers."""

    UNKNOWN = "unknown"
    GRANTED = "granted"
    QUEUED = "queued"
    REFUSED = "refused"


class AdmissionAnswered(Record):
    """A tenant's answer to a run; ``reserved`` is what the run may use at the most."""

    run_id: str
    verdict: Verdict
    code: str = ""
    reason: str = ""
    position: int = 0
    reserved: tuple[Amount, ...] = ()


class ParkedTenant(Record):
    """A sleeping tenant's events, carried forward."""

    tenant_id: str
    values: tuple[bytes, ...]
