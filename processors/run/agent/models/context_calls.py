"""Context calls: what a model is shown, where that is not simply all that was said.

The transcript is what was said and only grows. Where it is too large for the agent's budget of
tokens, or to be carried to a pool with the model call, a context call chooses what fits and keeps
it as a document; the model call then names that document.
"""

from __future__ import annotations

from runfold.events import run as j
from runfold.events.calls import ContextResult
from runfold.events.definitions import RetryPolicy
from runfold.events.values import ErrorInfo, Placement
from runfold.processors.run.agent.calls.open_calls import retry_or
from runfold.processors.run.agent.models import attachments
from runfold.processors.run.draft import Draft
from runfold.processors.run.lifecycle import endings
from runfold.processors.run.state import ContextCall

MOST_CARRIED_BYTES = 1_000_000
"""The heaviest transcript that travels to a pool inside the model call."""

TIMEOUT_MS = 30_000
RETRY = RetryPolicy()


def needed(draft: Draft) -> bool:
    """Whether what the model is shown must be chosen, or kept outside of the model call."""
    run = draft.run
    if run.behaviour < 3:
        return False
    agent, transcript = draft.agent(), run.loop.transcript
    most = agent.model.context_tokens
    if most is not None and transcript.token_estimate + attachments.tokens(run) > most:
        return True
    return agent.model.placement is Placement.POOL and transcript.weight > MOST_CARRIED_BYTES


def open_one(draft: Draft) -> None:
    """Begin a selection from the transcript as it stands."""
    transcript = draft.run.loop.transcript
    budget = draft.agent().model.context_tokens or transcript.token_estimate
    # Attachments are shown at every call; a part of the budget is left for what was said since.
    budget = max(budget // 4, budget - attachments.tokens(draft.run), 1)
    call = ContextCall(call_id=draft.next_call_id(), budget_tokens=budget)
    begin(draft, call)


def begin(draft: Draft, call: ContextCall) -> None:
    """Hand the next attempt out, to this process: only it has the transcript."""
    transcript = draft.run.loop.transcript
    draft.say(
        j.ContextCalled(
            call_id=call.call_id,
            attempt=call.attempt + 1,
            placement=Placement.LOCAL,
            timeout_ms=TIMEOUT_MS,
            budget_tokens=call.budget_tokens,
            messages=len(transcript.messages),
            transcript_digest=transcript.digest,
        )
    )


def answered(draft: Draft, call: ContextCall, result: ContextResult) -> None:
    """Record what was chosen; the model call follows."""
    if result.content is None or result.digest is None:
        failed(draft, call, result)
        return
    draft.say(
        j.ContextSelected(
            call_id=call.call_id,
            attempt=call.attempt,
            content=result.content,
            digest=result.digest,
            token_estimate=result.token_estimate,
            selected_count=result.selected_count,
            dropped_count=result.dropped_count,
            dropped=result.dropped,
            latency_ms=result.latency_ms,
        )
    )


def failed(draft: Draft, call: ContextCall, result: ContextResult) -> None:
    """Record why nothing was chosen; without a context the run cannot go on."""
    error = result.error or ErrorInfo(
        error_type="no_answer", message=draft.people("no_answer"), retryable=True
    )
    _failed(draft, call, error, result.latency_ms)


def lost(draft: Draft, call: ContextCall) -> None:
    """Choose again: a selection changes nothing outside."""
    error = ErrorInfo(error_type="timeout", message=draft.people("answer_lost"), retryable=True)
    _failed(draft, call, error, 0)


def _failed(draft: Draft, call: ContextCall, error: ErrorInfo, latency_ms: int) -> None:
    failure = j.ContextFailed(
        call_id=call.call_id, attempt=call.attempt, error=error, latency_ms=latency_ms
    )
    retry_or(
        draft,
        call,
        failure,
        error,
        RETRY,
        lambda: endings.fail(draft, endings.EXIT_MODEL, error),
    )
