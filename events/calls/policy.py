"""A question to policy servers: whether a call may be made, asked outside of the decision.

It is asked by the run processor itself and answered through its memory. Its result is on no topic:
who can write to ``runs.results`` can permit nothing.
"""

from __future__ import annotations

from typing import ClassVar

from runfold.events.base import Record, Said, SaidBytes
from runfold.events.calls.base import CallResult, CallWork, Outcome
from runfold.events.contents.content import Content
from runfold.events.values import Attribution, ErrorInfo


class PolicyQuestion(Record):
    """One server that is asked, under ``path`` of its data; ``policy`` is ``name@version``."""

    policy: str
    path: str
    timeout_ms: int


class PolicyWork(CallWork):
    """One call to be judged by each of ``questions``; ``input`` is JSON, the same for all.

    Where a server gives no answer the call is held, or denied where ``denies`` says so.
    """

    run_id: str
    tenant_id: str
    call_id: str
    attempt: int
    questions: tuple[PolicyQuestion, ...]
    input: Content
    timeout_ms: int
    denies: bool
    attribution: Attribution
    traceparent: str
    by_permission: bool = True


class ServerAnswer(Record):
    """What a server decided: whether the call may be made, and whether a person must approve it.

    ``decision_id`` and ``revision`` (of the bundle) are the server's own names for its decision.
    """

    policy: str
    permitted: bool
    asks_person: bool = False
    reason: Said = ""
    decision_id: str | None = None
    revision: str | None = None


class PolicyResult(CallResult):
    """The answers of all servers that were asked, in their order; ``error`` where one is missing.

    ``input_digest`` is the sha256 of the input that they were given.
    """

    contents: ClassVar[tuple[str, ...]] = ("answers", "input_digest")

    run_id: str
    call_id: str
    attempt: int
    outcome: Outcome
    latency_ms: int
    answers: tuple[ServerAnswer, ...] = ()
    input_digest: SaidBytes | None = None
    error: ErrorInfo | None = None
    queued_ms: int | None = None
