"""What a run and the runs that it asks for say to each other: a child is a call made by a run.

Each is said in the transaction of the event that it follows, numbered as all messages between
aggregates are. They travel on ``runs.results``, which clients do not write to: whoever asks on
``runs.requests`` is nobody's child, whatever the request says.
"""

from __future__ import annotations

from runfold.events.base import Money, Record, Said, Symbol
from runfold.events.values import ErrorInfo, Exit, RunRequest

__all__ = ["ChildEnded", "ChildRequested", "Lineage", "ParentSignal", "RunSignal", "TreeUsed"]


class Lineage(Record):
    """Where a run stands in its tree: ``depth`` is 1 for a child of a run that nobody asked for.

    ``attempt`` is that of the call which it makes. ``path`` names the agents above it, the root's
    first. ``taint`` names the tools through which
    its parent had read what strangers wrote, so that the child begins as careful.
    """

    depth: int
    attempt: int
    path: tuple[str, ...]
    taint: tuple[str, ...] = ()


class TreeUsed(Record):
    """What a run used together with the runs that it asked for; ``runs`` counts those."""

    cost: Money
    tokens: int
    runs: int
    unpriced_calls: int = 0


class ChildRequested(Record):
    """A run asks for another, within what it has left itself."""

    run_id: str
    tenant_id: str
    request: RunRequest
    lineage: Lineage


class RunSignal(Symbol):
    """What a run says to the runs that it asked for."""

    UNKNOWN = "unknown"
    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"


class ParentSignal(Record):
    """A run says to its child what was said to it; ``request_id`` is the same for a repeat."""

    run_id: str
    tenant_id: str
    parent_run_id: str
    request_id: str
    signal: RunSignal
    reason: Said = ""


class ChildEnded(Record):
    """A child tells its parent how it ended; ``error`` says why where it did not complete."""

    run_id: str
    tenant_id: str
    call_id: str
    attempt: int
    child_run_id: str
    exit: Exit
    tree: TreeUsed | None = None
    error: ErrorInfo | None = None
