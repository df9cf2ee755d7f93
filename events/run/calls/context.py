"""Context calls: which part of what was said a model will see, chosen and kept by a processor."""

from __future__ import annotations

from runfold.events.base import Fact, SaidBytes
from runfold.events.calls.kinds import CONTEXT
from runfold.events.contents.content import Content
from runfold.events.contents.context_refs import DroppedContext
from runfold.events.traits import CallMove, CallTrait, Cause, Tone, Traits
from runfold.events.values import ErrorInfo, Placement, RunStatus

__all__ = ["ContextCalled", "ContextFailed", "ContextSelected"]


class ContextCalled(Fact):
    """A selection of the coming context was decided; it is made only after this is committed.

    ``transcript_digest`` covers the ``messages`` that it may choose from, within
    ``budget_tokens``.
    """

    traits = Traits(
        reads="choosing from {messages} messages{attempt:again}",
        tone=Tone.QUIET,
        status=(RunStatus.PLANNING,),
        call=CallTrait(CONTEXT.name, CallMove.OPENS, "called"),
    )

    call_id: str
    attempt: int
    placement: Placement
    timeout_ms: int
    budget_tokens: int
    messages: int
    transcript_digest: SaidBytes


class ContextSelected(Fact):
    """What the model will see was chosen; ``content`` holds it as a transcript document.

    ``digest`` is the rolling sha256 of what was chosen. ``dropped`` names the newest of what was
    left out.
    """

    traits = Traits(
        reads="{selected_count} messages chosen, {dropped_count} left out",
        cause=Cause.SENDER,
        tone=Tone.QUIET,
        status=(RunStatus.PLANNING,),
        call=CallTrait(CONTEXT.name, CallMove.CLOSES, "selected"),
    )

    call_id: str
    attempt: int
    content: Content
    digest: SaidBytes
    token_estimate: int
    selected_count: int
    dropped_count: int
    latency_ms: int
    dropped: tuple[DroppedContext, ...] = ()


class ContextFailed(Fact):
    """No context could be chosen or kept."""

    traits = Traits(
        reads="no context: {error.message:long}",
        cause=Cause.SENDER,
        tone=Tone.WARNING,
        status=(RunStatus.PLANNING,),
        call=CallTrait(CONTEXT.name, CallMove.FAILS, "failed"),
    )

    call_id: str
    attempt: int
    error: ErrorInfo
    latency_ms: int
