"""A selection from the run's transcript, and what is reported where it cannot be made."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.calls import ContextResult, ContextSource, Outcome, SourceKind
from runfold.events.calls.context import MOST_NAMED
from runfold.events.calls.transcript import TranscriptEntry, digest_of
from runfold.events.contents.content import content
from runfold.events.contents.transcript import MEDIA_TYPE, inline, read, write
from runfold.events.values import ErrorInfo
from runfold.infra.artifacts.errors import ArtifactsUnavailableError
from runfold.infra.artifacts.memory import MemoryArtifacts
from runfold.infra.artifacts.port import Artifact, ArtifactStore
from runfold.processors.context.processor import INLINE_BYTES, ContextProcessor
from tests.context.given import context_work, from_transcript, said
from tests.context.test_selection import TEN

ENTRIES = (said("goal", TEN, pinned=True), *(said(f"{n}", TEN) for n in range(5)))


class Unavailable(MemoryArtifacts):
    """A store that does not answer."""

    def get(self, ref: str, tenant_id: str) -> bytes:
        raise ArtifactsUnavailableError("disk")

    def put(self, data: bytes, media_type: str, tenant_id: str) -> Artifact:
        raise ArtifactsUnavailableError("disk")


class Hanging(MemoryArtifacts):
    """A store that answers when it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.may_answer = threading.Event(), threading.Event()

    def get(self, ref: str, tenant_id: str) -> bytes:
        self.asked.set()
        self.may_answer.wait()
        return super().get(ref, tenant_id)


def call(artifacts: ArtifactStore | None = None, *entries: TranscriptEntry, **more: Any) -> Any:
    processor = ContextProcessor(artifacts or MemoryArtifacts())
    return asyncio.run(processor.call(context_work(*entries, **more)))


def kept(artifacts: ArtifactStore, *entries: TranscriptEntry, tenant: str = "acme") -> Any:
    """A transcript that lies in the store, as a source."""
    whole = inline(entries)
    assert whole.inline is not None
    ref = artifacts.put(whole.inline, MEDIA_TYPE, tenant).ref
    return (from_transcript(whole.model_copy(update={"inline": None, "ref": ref})),)


def error_of(result: ContextResult) -> ErrorInfo:
    """What went wrong; fails where something was chosen."""
    assert (result.outcome, result.content, result.selected) == (Outcome.FAILED, None, ())
    assert result.error is not None
    return result.error


def test_a_selection_names_what_was_chosen_and_what_was_not() -> None:
    result = call(None, *ENTRIES, budget=30)
    goal, *others = ENTRIES
    chosen = (goal, *others[3:])
    assert result.outcome is Outcome.SUCCEEDED
    assert read(result.content.inline) == chosen
    assert [(each.ref.id, each.ref.digest, each.token_estimate) for each in result.selected] == [
        (entry.id, entry.digest, 10) for entry in chosen
    ]
    assert [(each.ref.id, each.reason) for each in result.dropped] == [
        ("0", "over_budget"),
        ("1", "over_budget"),
        ("2", "over_budget"),
    ]
    assert (result.selected_count, result.dropped_count, result.token_estimate) == (3, 3, 30)
    assert result.digest == digest_of(chosen)


def test_a_transcript_is_fetched_and_a_large_selection_is_kept_in_the_artifact_store() -> None:
    artifacts = MemoryArtifacts()
    # Their digests cannot be compressed.
    entries = [said(f"{n}", f"{n}") for n in range(3000)]
    result = call(artifacts, sources=kept(artifacts, *entries), budget=100_000)
    assert result.content.inline is None
    data = artifacts.get(result.content.ref, "acme")
    assert len(data) == result.content.size > INLINE_BYTES
    assert read(data) == tuple(entries)


def test_a_long_selection_fits_on_the_log_whatever_it_drops() -> None:
    artifacts = MemoryArtifacts()
    entries = [said(f"{n}", f"{n}") for n in range(4_000)]
    result = call(artifacts, sources=kept(artifacts, *entries), budget=10_000)
    assert (len(result.selected), len(result.dropped)) == (MOST_NAMED, MOST_NAMED)
    assert result.selected_count + result.dropped_count == 4_000
    assert result.selected[-1].ref.id == "3999"
    value = Codec(LockRegistry()).encode(topics.RESULTS, result)
    assert len(value) < topics.MAX_INPUT_BYTES // 2


def test_sources_are_looked_into_in_their_order() -> None:
    first, second = said("1", "a"), said("2", "b")
    sources = (from_transcript(inline([first])), from_transcript(inline([second])))
    assert read(call(sources=sources).content.inline) == (first, second)


def test_what_must_stay_and_does_not_fit_is_a_failure() -> None:
    assert error_of(call(None, *ENTRIES, budget=19)).error_type == "over_budget"


def test_a_missing_transcript_is_not_asked_for_again() -> None:
    sources = kept(MemoryArtifacts(), *ENTRIES)
    assert error_of(call(sources=sources)) == ErrorInfo(
        error_type="content_unavailable",
        message="The transcript cannot be fetched: ArtifactMissingError.",
        retryable=False,
    )


def test_a_transcript_of_another_tenant_cannot_be_had() -> None:
    artifacts = MemoryArtifacts()
    sources = kept(artifacts, *ENTRIES, tenant="globex")
    assert "ArtifactMissingError" in error_of(call(artifacts, sources=sources)).message


def test_a_store_that_does_not_answer_may_be_asked_again() -> None:
    sources = kept(MemoryArtifacts(), *ENTRIES)
    error = error_of(call(Unavailable(), sources=sources))
    assert (error.error_type, error.retryable) == ("content_unavailable", True)
    large = [said(f"{n}", f"{n}") for n in range(3000)]
    error = error_of(call(Unavailable(), *large, budget=100_000))
    assert (error.error_type, error.retryable) == ("content_unavailable", True)


@pytest.mark.parametrize(
    ("source", "error_type"),
    [
        (from_transcript(None), "invalid_source"),
        (from_transcript(content(b"rubbish", MEDIA_TYPE)), "invalid_source"),
        (
            from_transcript(inline(ENTRIES).model_copy(update={"inline": write(())})),
            "invalid_source",
        ),
        (ContextSource(kind=SourceKind.KNOWLEDGE, name="handbook"), "unknown_source"),
        (ContextSource(kind=SourceKind.UNKNOWN), "unknown_source"),
    ],
)
def test_a_source_that_cannot_be_used_is_a_failure(source: ContextSource, error_type: str) -> None:
    error = error_of(call(sources=(source,)))
    assert (error.error_type, error.retryable) == (error_type, False)


def test_a_selection_that_overruns_may_be_made_again() -> None:
    artifacts = Hanging()
    sources = kept(artifacts, *ENTRIES)
    work = context_work(sources=sources, timeout_ms=20)

    async def overrun() -> ContextResult:
        try:
            return await ContextProcessor(artifacts).call(work)
        finally:
            artifacts.may_answer.set()

    error = error_of(asyncio.run(overrun()))
    assert (error.error_type, error.retryable) == ("timeout", True)


def test_a_cancelled_selection_ends_at_once() -> None:
    artifacts = Hanging()
    sources = kept(artifacts, *ENTRIES)

    async def cancelled() -> None:
        task = asyncio.create_task(ContextProcessor(artifacts).call(context_work(sources=sources)))
        await asyncio.to_thread(artifacts.asked.wait)
        task.cancel()
        try:
            with pytest.raises(asyncio.CancelledError):
                await task
        finally:
            artifacts.may_answer.set()

    asyncio.run(cancelled())
