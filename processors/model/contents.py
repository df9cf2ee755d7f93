"""Bringing contents that the log holds by reference back into a call's context."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable

from runfold.events.calls import Message, ModelWork
from runfold.events.contents.attachments import Shown, shown_as
from runfold.events.contents.content import Content, text
from runfold.events.contents.transcript import TranscriptError, read
from runfold.events.values import Attachment
from runfold.infra.artifacts.errors import ArtifactError, ArtifactsUnavailableError
from runfold.processors.model.providers.faults import ContentAwayError, ProviderFaultError

# About four million tokens: no model is shown more, so nothing larger is brought into memory.
_MOST_BYTES = 16_000_000

Fetch = Callable[[str, str], bytes]
"""Returns what a ref and a tenant id name: ``ArtifactStore.get``, with its errors."""


async def opened(work: ModelWork, fetch: Fetch | None) -> ModelWork:
    """Return the work with every text of its context inline, and with the messages of ``context``.

    Raises ProviderFaultError ``content_unavailable`` where one cannot be had: a model must not
    decide on a context with a hole in it, ContentAwayError if it may be had later;
    ``content_mismatch`` where the store holds other bytes
    than digest and size say, ``context_overflow`` where one is too large to be shown.
    """
    work = await _with_profile(work, fetch)
    if work.context is not None:
        work = await _shown(work, work.context, fetch)
    if work.attachments:
        shown = [await _attached(each, work.tenant_id, fetch) for each in work.attachments]
        work = work.model_copy(update={"attachments": tuple(shown)})
    if not _held_elsewhere(work.instructions) and not any(
        _held_elsewhere(message.content) for message in work.messages
    ):
        return work
    return work.model_copy(
        update={
            "instructions": await _open(work.instructions, work.tenant_id, fetch),
            "messages": tuple(
                [await _message(message, work.tenant_id, fetch) for message in work.messages]
            ),
        }
    )


async def _with_profile(work: ModelWork, fetch: Fetch | None) -> ModelWork:
    """Return the work whose instructions end with what is said of how answers are given."""
    if not work.profile:
        return work
    said = await _open(work.instructions, work.tenant_id, fetch)
    words = (said.inline or b"").decode("utf-8", "replace")
    whole = text(f"{words}\n\n{work.profile}" if words else work.profile)
    return work.model_copy(update={"instructions": whole, "profile": ""})


async def _shown(work: ModelWork, context: Content, fetch: Fetch | None) -> ModelWork:
    """Return the work with the messages that were chosen for it in the place of none."""
    found = await _open(context, work.tenant_id, fetch)
    try:
        entries = await asyncio.to_thread(read, found.inline or b"")
    except TranscriptError as error:
        raise ProviderFaultError(
            "content_unavailable", f"the chosen context cannot be read: {error}"
        ) from error
    messages = tuple([entry.message for entry in entries])
    return work.model_copy(update={"messages": messages, "context": None})


async def _attached(attachment: Attachment, tenant_id: str, fetch: Fetch | None) -> Attachment:
    """Return an attachment with its bytes, if any of them are to be shown."""
    content = attachment.content
    if content.inline is not None or shown_as(content) is Shown.NOTE:
        return attachment
    return attachment.model_copy(update={"content": await _open(content, tenant_id, fetch)})


def _held_elsewhere(content: Content | None) -> bool:
    return content is not None and content.inline is None and content.size > 0


async def _message(message: Message, tenant_id: str, fetch: Fetch | None) -> Message:
    if message.content is None or not _held_elsewhere(message.content):
        return message
    return message.model_copy(update={"content": await _open(message.content, tenant_id, fetch)})


async def _open(content: Content, tenant_id: str, fetch: Fetch | None) -> Content:
    if not _held_elsewhere(content):
        return content
    if fetch is None or content.ref is None:
        raise ProviderFaultError(
            "content_unavailable", "a part of the context is not inline and cannot be fetched"
        )
    if content.size > _MOST_BYTES:
        raise ProviderFaultError(
            "context_overflow", f"{content.ref} holds {content.size} bytes, more than a model takes"
        )
    try:
        data = await asyncio.to_thread(fetch, content.ref, tenant_id)
    except ArtifactError as error:
        away = isinstance(error, ArtifactsUnavailableError)
        kind = ContentAwayError if away else ProviderFaultError
        raise kind(
            "content_unavailable", f"{content.ref} cannot be fetched: {type(error).__name__}"
        ) from error
    if len(data) != content.size or hashlib.sha256(data).digest() != content.digest:
        what = "other bytes than its digest names"
        if len(data) != content.size:
            what = f"{len(data)} bytes, not {content.size}"
        raise ProviderFaultError("content_mismatch", f"{content.ref} holds {what}")
    return content.model_copy(update={"inline": data})
