"""Where a selection may look: one row a kind of source.

To add one, write the function that finds its entries for a principal, and its row.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from runfold.events.calls import ContextSource, ContextWork, SourceKind, TranscriptEntry
from runfold.events.contents.transcript import TranscriptError, read
from runfold.infra.artifacts.errors import ArtifactError, ArtifactsUnavailableError
from runfold.infra.artifacts.port import ArtifactStore
from runfold.processors.context.errors import ContextRefusedError


@dataclass(frozen=True, slots=True)
class Means:
    """What sources are read with."""

    artifacts: ArtifactStore


Find = Callable[[ContextWork, ContextSource, Means], Awaitable[Sequence[TranscriptEntry]]]
"""Returns what a source holds for the principal of a call; raises ContextRefusedError."""


async def transcript(
    work: ContextWork, source: ContextSource, means: Means
) -> Sequence[TranscriptEntry]:
    """Return the messages of the run's own transcript, inline or from the artifact store."""
    if source.entries:
        return source.entries
    said = source.content
    if said is None:
        raise ContextRefusedError("invalid_source", "The transcript was not handed over.")
    data = said.inline
    if data is None:
        data = await _fetched(said.ref or "", work.tenant_id, means.artifacts)
    if hashlib.sha256(data).digest() != said.digest:
        raise ContextRefusedError(
            "invalid_source", "The transcript's bytes are not those that its digest names."
        )
    try:
        return await asyncio.to_thread(read, data)
    except TranscriptError as error:
        raise ContextRefusedError(
            "invalid_source", f"The transcript cannot be read: {error}"
        ) from error


SOURCES: Mapping[SourceKind, Find] = {SourceKind.TRANSCRIPT: transcript}


async def entries_of(
    work: ContextWork, means: Means, sources: Mapping[SourceKind, Find] = SOURCES
) -> list[TranscriptEntry]:
    """Return what the sources of a call hold, in the order in which it lists them."""
    found: list[TranscriptEntry] = []
    for source in work.sources:
        find = sources.get(source.kind)
        if find is None:
            raise ContextRefusedError(
                "unknown_source",
                f"This process cannot look into {source.kind.value}.",
                suggested_next_action=f"Use {', '.join(kind.value for kind in sources)}.",
            )
        found += await find(work, source, means)
    return found


async def _fetched(ref: str, tenant_id: str, artifacts: ArtifactStore) -> bytes:
    try:
        return await asyncio.to_thread(artifacts.get, ref, tenant_id)
    except ArtifactError as error:
        raise ContextRefusedError(
            "content_unavailable",
            f"The transcript cannot be fetched: {type(error).__name__}.",
            retryable=isinstance(error, ArtifactsUnavailableError),
        ) from error
