"""A context call: which of what there is a model will see, chosen within a budget of tokens."""

from __future__ import annotations

from typing import ClassVar

from runfold.events.base import Money, Record, SaidBytes, Symbol
from runfold.events.calls.base import CallResult, CallWork, Outcome
from runfold.events.calls.transcript import TranscriptEntry
from runfold.events.contents.content import Content
from runfold.events.contents.context_refs import ContextRef, DroppedContext
from runfold.events.values import Attribution, DataClassification, ErrorInfo


class SourceKind(Symbol):
    """Where a selection may look."""

    UNKNOWN = "unknown"
    TRANSCRIPT = "transcript"
    MEMORY = "memory"
    KNOWLEDGE = "knowledge"


class ContextSource(Record):
    """One place to look: ``name`` tells several of a kind apart.

    Where the run itself hands over what is looked at, its transcript, that is in ``entries``, or
    in ``content`` as ``events/contents/transcript.py`` writes it.
    """

    kind: SourceKind
    name: str = ""
    content: Content | None = None
    entries: tuple[TranscriptEntry, ...] = ()


class ContextWork(CallWork):
    """One selection to make, for a principal: the user, the tenant and the scopes of the run.

    ``budget_tokens`` bounds what is chosen. ``query`` is what is sought, None where only what is
    newest counts.
    """

    run_id: str
    tenant_id: str
    user_id: str
    call_id: str
    attempt: int
    sources: tuple[ContextSource, ...]
    budget_tokens: int
    timeout_ms: int
    attribution: Attribution
    data_classification: DataClassification
    traceparent: str
    query: Content | None = None
    thread_id: str | None = None
    scopes: tuple[str, ...] = ()
    by_permission: bool = False


class SelectedContext(Record):
    """One thing that was chosen, with its estimated size in tokens."""

    ref: ContextRef
    token_estimate: int


class ContextResult(CallResult):
    """What was chosen: ``content`` holds it, in the order in which the model will see it.

    ``selected`` and ``dropped`` name what was and was not chosen, the newest 1,000 of
    each; the counts are those of all. ``digest`` is the rolling sha256 of all that was chosen,
    as a run's context has it.
    """

    contents: ClassVar[tuple[str, ...]] = (
        "content",
        "selected",
        "dropped",
        "selected_count",
        "dropped_count",
        "token_estimate",
        "digest",
    )

    run_id: str
    call_id: str
    attempt: int
    outcome: Outcome
    latency_ms: int
    content: Content | None = None
    selected: tuple[SelectedContext, ...] = ()
    dropped: tuple[DroppedContext, ...] = ()
    selected_count: int = 0
    dropped_count: int = 0
    token_estimate: int = 0
    digest: SaidBytes | None = None
    error: ErrorInfo | None = None
    cost: Money | None = None
    queued_ms: int | None = None


MOST_NAMED = 1_000
"""How many things a result names, so that no transcript makes it too large for the log."""
