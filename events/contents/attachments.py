"""What becomes of a request's attachments: what models are shown of which kind, and how much."""

from __future__ import annotations

from enum import Enum, auto

from runfold.events.contents.content import Content
from runfold.events.values import Attachment

MOST = 50
"""Attachments of a request."""

MOST_BYTES = 20_000_000
"""All attachments of a request together, in bytes, those that are held in a workspace left out."""

MOST_TEXT_BYTES = 100_000
"""What is shown of a text, in bytes; the rest is named and left out."""

MOST_BINARY_BYTES = 5_000_000
"""The largest picture or document that is shown, in bytes; vendors take no larger ones."""

ARTIFACT = "artifact:"
"""How a reference into the artifact store begins; no processor can read any other."""

_PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_TEXTS = frozenset(
    {"json", "xml", "yaml", "x-yaml", "toml", "javascript", "x-sh", "sql", "csv", "x-ndjson"}
)
_PICTURE_TOKENS, _NOTE_TOKENS, _PDF_BYTES_A_TOKEN = 1_600, 50, 20


class Shown(Enum):
    """How an attachment is shown to a model."""

    TEXT = auto()
    PICTURE = auto()
    DOCUMENT = auto()
    NOTE = auto()
    """By its name, its type and its size alone."""


def type_of(content: Content) -> str:
    """Return a media type without its parameters, in lower case."""
    return content.media_type.partition(";")[0].strip().lower()


def is_within_reach(content: Content) -> bool:
    """Whether a processor can have the bytes: inline, or from the artifact store."""
    return content.inline is not None or (content.ref or "").startswith(ARTIFACT)


def shown_as(content: Content) -> Shown:
    """Return how a content is shown, by what is said of it."""
    kind = type_of(content)
    if content.key_id is not None or not is_within_reach(content):
        return Shown.NOTE
    main, _, sub = kind.partition("/")
    is_text = main == "text" or (main == "application" and sub.rpartition("+")[2] in _TEXTS)
    if is_text:
        return Shown.TEXT
    if content.size > MOST_BINARY_BYTES:
        return Shown.NOTE
    if kind in _PICTURES:
        return Shown.PICTURE
    return Shown.DOCUMENT if kind == "application/pdf" else Shown.NOTE


def tokens_of(attachments: tuple[Attachment, ...]) -> int:
    """Return about how many tokens a model reads of attachments."""
    return sum(_tokens(each.content) for each in attachments)


def _tokens(content: Content) -> int:
    match shown_as(content):
        case Shown.TEXT:
            return _NOTE_TOKENS + min(max(content.size, 0), MOST_TEXT_BYTES) // 4
        case Shown.PICTURE:
            return _PICTURE_TOKENS
        case Shown.DOCUMENT:
            return _NOTE_TOKENS + max(content.size, 0) // _PDF_BYTES_A_TOKEN
        case _:
            return _NOTE_TOKENS
