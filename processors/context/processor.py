"""The context processor: one selection in, one result out.

1. find what the sources hold for the principal of the call
2. choose within the budget
3. keep what was chosen: inline, or in the artifact store where it is large
4. report what was chosen and what was not, by name
"""

from __future__ import annotations

import asyncio
import hashlib
import time

from runfold.events.calls import (
    ContextResult,
    ContextWork,
    Outcome,
    SelectedContext,
    TranscriptEntry,
)
from runfold.events.calls.context import MOST_NAMED
from runfold.events.calls.transcript import digest_of
from runfold.events.contents.content import Content
from runfold.events.contents.context_refs import ContextRef, DroppedContext
from runfold.events.contents.transcript import MEDIA_TYPE, write
from runfold.events.values import ErrorInfo
from runfold.infra.artifacts.errors import ArtifactError
from runfold.infra.artifacts.port import ArtifactStore
from runfold.processors.context.errors import ContextRefusedError
from runfold.processors.context.kind import CONTEXT_CALL
from runfold.processors.context.selection import Selection, select
from runfold.processors.context.sources import Means, entries_of

INLINE_BYTES = 64_000
"""The largest selection, in bytes, that is reported inline."""

OVER_BUDGET = "over_budget"
"""Why something was dropped: it did not fit into the budget of tokens."""


class ContextProcessor:
    """Makes context calls; ``call`` raises nothing but what cancels it.

    ``artifacts`` holds large transcripts and takes large selections.
    """

    def __init__(self, artifacts: ArtifactStore) -> None:
        self._artifacts = artifacts

    async def call(self, work: ContextWork) -> ContextResult:
        """Make the selection and report it."""
        started = time.monotonic()
        limit = asyncio.timeout(work.timeout_ms / 1000)
        try:
            async with limit:
                found = await entries_of(work, Means(self._artifacts))
                selection = select(found, work.budget_tokens)
                content = await self._kept(selection.selected, work.tenant_id)
        except ContextRefusedError as refusal:
            if work.by_permission and refusal.info.retryable:
                # The store of artifacts is away: nothing was read, and nothing kept.
                info = refusal.info.model_copy(update={"error_type": "artifacts_unavailable"})
                return CONTEXT_CALL.on_held(work, info)
            return _failed(work, refusal.info, started)
        except TimeoutError:
            if not limit.expired():
                raise
            return _failed(work, _overran(work.timeout_ms), started)
        return _reported(work, selection, content, started)

    async def _kept(self, entries: tuple[TranscriptEntry, ...], tenant_id: str) -> Content:
        data = await asyncio.to_thread(write, entries)
        digest = hashlib.sha256(data).digest()
        if len(data) <= INLINE_BYTES:
            return Content(media_type=MEDIA_TYPE, size=len(data), digest=digest, inline=data)
        try:
            kept = await asyncio.to_thread(self._artifacts.put, data, MEDIA_TYPE, tenant_id)
        except ArtifactError as error:
            raise ContextRefusedError(
                "content_unavailable",
                f"The selection is large and could not be kept: {type(error).__name__}.",
                retryable=True,
            ) from error
        return Content(media_type=MEDIA_TYPE, size=len(data), digest=digest, ref=kept.ref)


def _reported(
    work: ContextWork, selection: Selection, content: Content, started: float
) -> ContextResult:
    return ContextResult(
        run_id=work.run_id,
        call_id=work.call_id,
        attempt=work.attempt,
        outcome=Outcome.SUCCEEDED,
        latency_ms=_ms_since(started),
        content=content,
        selected=tuple(
            SelectedContext(ref=_ref(entry), token_estimate=entry.token_estimate)
            for entry in selection.selected[-MOST_NAMED:]
        ),
        dropped=tuple(
            DroppedContext(ref=_ref(entry), reason=OVER_BUDGET)
            for entry in selection.dropped[-MOST_NAMED:]
        ),
        selected_count=len(selection.selected),
        dropped_count=len(selection.dropped),
        token_estimate=selection.token_estimate,
        digest=digest_of(selection.selected),
    )


def _failed(work: ContextWork, error: ErrorInfo, started: float) -> ContextResult:
    return ContextResult(
        run_id=work.run_id,
        call_id=work.call_id,
        attempt=work.attempt,
        outcome=Outcome.FAILED,
        latency_ms=_ms_since(started),
        error=error,
    )


def _ref(entry: TranscriptEntry) -> ContextRef:
    return ContextRef(kind=entry.kind, id=entry.id, digest=entry.digest)


def _overran(limit_ms: int) -> ErrorInfo:
    return ErrorInfo(
        error_type="timeout",
        message=f"The context was not chosen within {limit_ms} ms.",
        retryable=True,
    )


def _ms_since(started: float) -> int:
    return int((time.monotonic() - started) * 1000)
