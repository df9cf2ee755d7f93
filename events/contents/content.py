"""What a person, a model or a tool said: small texts inline, large ones by reference."""

from __future__ import annotations

import hashlib
import json

from runfold.events.base import Record, SaidBytes
from runfold.events.trusted import trusted

JSON = "application/json"
TEXT = "text/plain"
_CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)


class Content(Record):
    """Bytes with a media type; ``inline`` or ``ref`` holds them, the digest always names them."""

    media_type: str
    size: int
    digest: SaidBytes
    inline: SaidBytes | None = None
    ref: str | None = None
    key_id: str | None = None


def content(data: bytes, media_type: str) -> Content:
    """Return inline content with its size in bytes and its sha256."""
    return trusted(Content)(
        media_type=media_type,
        size=len(data),
        digest=hashlib.sha256(data).digest(),
        inline=data,
    )


def text(value: str) -> Content:
    """Return inline UTF-8 text."""
    return content(value.encode(), TEXT)


def canonical_json(value: object) -> str:
    """Return the one JSON text of a value: sorted keys, no white space, no NaN."""
    return _CANONICAL.encode(value)


def json_content(value: object) -> Content:
    """Return inline canonical JSON."""
    return content(canonical_json(value).encode(), JSON)


NOTHING = json_content(None)
"""What a call answered that has nothing to say: JSON null."""


def without_bytes(said: Content) -> Content:
    """Return what names a content without holding it: media type, size and digest."""
    return trusted(Content)(
        media_type=said.media_type, size=said.size, digest=said.digest, key_id=said.key_id
    )
