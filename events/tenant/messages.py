"""What runs and tenants say to each other, each in the transaction of the event that says it."""

from __future__ import annotations

from runfold.events.base import Money, Record, Symbol
from runfold.events.tenant.values import Amount, Asks, CallRates, Held


class AdmissionAsked(Record):
    """A run asks its tenant to be admitted."""

    tenant_id: str
    asks: Asks


class RunReturned(Record):
    """A run that had asked is over: what it used, which is nothing where it never began.

    ``calls`` are those to models and tools, ``retries`` what was made again of them. ``open`` names
    the calls (``call_id/attempt``) that may still report a cost, ``held`` what stays set aside for
    calls to models among them.
    """

    tenant_id: str
    run_id: str
    spent: Money
    tokens: int
    tool_calls: int
    calls: int = 0
    retries: int = 0
    open: tuple[str, ...] = ()
    held: tuple[Held, ...] = ()


class ExtensionAsked(Record):
    """A run that goes on asks for more than was set aside for it."""

    tenant_id: str
    run_id: str
    extension_id: str
    added: tuple[Amount, ...]


class LateCostReported(Record):
    """What a call cost whose result came after the end of its run."""

    tenant_id: str
    run_id: str
    call_id: str
    attempt: int
    cost: Money
    tokens: int = 0


class Verdict(Symbol):
    """What a tenant answers."""

    UNKNOWN = "unknown"
    GRANTED = "granted"
    QUEUED = "queued"
    REFUSED = "refused"


class AdmissionAnswered(Record):
    """A tenant's answer to a run; ``reserved`` is what the run may use at the most.

    ``retry_after_ms`` says of a refusal when asking again may help. ``cheaper`` has the run take a
    cheaper model, where its agent declares one; ``rates`` is how fast it may make its calls.
    """

    run_id: str
    verdict: Verdict
    code: str = ""
    reason: str = ""
    position: int = 0
    reserved: tuple[Amount, ...] = ()
    retry_after_ms: int | None = None
    cheaper: bool = False
    rates: CallRates | None = None


class ExtensionAnswered(Record):
    """A tenant's answer to a run that asked for more; ``added`` is what it asked for."""

    run_id: str
    extension_id: str
    verdict: Verdict
    added: tuple[Amount, ...] = ()
    code: str = ""
    reason: str = ""
    retry_after_ms: int | None = None


class ParkedTenant(Record):
    """A sleeping tenant's events, carried forward."""

    tenant_id: str
    values: tuple[bytes, ...]
