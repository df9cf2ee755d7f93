"""A tool call: what is asked of a tool processor, and what it reports."""

from __future__ import annotations

from typing import ClassVar

from runfold.events.base import Money
from runfold.events.calls.base import CallResult, CallWork, Outcome
from runfold.events.contents.content import Content
from runfold.events.values import Attribution, ErrorInfo, Sign


class ToolWork(CallWork):
    """One tool call to make, already permitted and committed.

    A person said of every attempt up to ``cleared`` that it did not happen. ``profile`` is the
    response profile of the run as JSON, empty where it has none.
    """

    run_id: str
    tenant_id: str
    user_id: str
    call_id: str
    attempt: int
    tool: str
    tool_version: str
    arguments: Content
    idempotency_key: str
    timeout_ms: int
    traceparent: str
    attribution: Attribution
    scopes: tuple[str, ...] = ()
    cleared: int = 0
    by_permission: bool = False
    profile: str = ""


class ToolResult(CallResult):
    """What came of a tool call, in the normalised form [81].

    ``tenant_id`` says in whose book its cost belongs where its run has ended. ``signs`` says in
    how many passages of strangers' words orders seem to be given.
    """

    contents: ClassVar[tuple[str, ...]] = ("result",)

    run_id: str
    call_id: str
    attempt: int
    outcome: Outcome
    latency_ms: int
    result: Content | None = None
    error: ErrorInfo | None = None
    repeated: bool = False
    effect: bool = False
    cost: Money | None = None
    queued_ms: int | None = None
    tenant_id: str = ""
    signs: tuple[Sign, ...] = ()

    @property
    def acted(self) -> bool:
        """Whether the tool may have had a side effect."""
        return self.effect
