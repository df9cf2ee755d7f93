"""Transcripts, and selections from them."""

from __future__ import annotations

from typing import Any

from runfold.events.calls import ContextSource, ContextWork, Message, Role, SourceKind
from runfold.events.calls.transcript import TranscriptEntry
from runfold.events.contents.content import Content, json_content, text
from runfold.events.contents.transcript import inline
from runfold.events.values import DataClassification, ProposedCall
from tests.effects.given import ATTRIBUTION


def said(entry_id: str, words: str, role: Role = Role.USER, **more: Any) -> TranscriptEntry:
    """One message; its estimate is a quarter of its length and four."""
    message = Message(role=role, content=text(words))
    return TranscriptEntry(kind="message", id=entry_id, message=message, **more)


def proposed(entry_id: str, *call_ids: str) -> TranscriptEntry:
    """A model's proposal of calls, without words: 4 tokens."""
    calls = tuple(ProposedCall(id=n, name="f", arguments=json_content({})) for n in call_ids)
    message = Message(role=Role.ASSISTANT, tool_calls=calls)
    return TranscriptEntry(kind="answer", id=entry_id, message=message)


def replied(entry_id: str, call_id: str, words: str) -> TranscriptEntry:
    """What a tool answered."""
    message = Message(role=Role.TOOL, content=text(words), call_id=call_id)
    return TranscriptEntry(kind="reply", id=entry_id, message=message)


def from_transcript(content: Content | None) -> ContextSource:
    """The run's transcript as a source."""
    return ContextSource(kind=SourceKind.TRANSCRIPT, content=content)


def context_work(
    *entries: TranscriptEntry, budget: int = 1000, call_id: str = "r.1", **more: Any
) -> ContextWork:
    """Ask for a selection from a transcript that is handed over inline."""
    given = {
        "run_id": call_id.partition(".")[0],
        "tenant_id": "acme",
        "user_id": "u",
        "call_id": call_id,
        "attempt": 1,
        "sources": (from_transcript(inline(entries)),),
        "budget_tokens": budget,
        "timeout_ms": 10_000,
        "attribution": ATTRIBUTION,
        "data_classification": DataClassification.INTERNAL,
        "traceparent": "",
        **more,
    }
    return ContextWork.model_validate(given)
