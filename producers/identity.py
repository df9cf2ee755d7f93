"""Ids and trace contexts that a requester makes."""

from __future__ import annotations

import os
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def uuid7(now: datetime | None = None) -> str:
    """Return a UUIDv7: the milliseconds since the epoch, then 74 random bits."""
    millis = (
        time.time_ns() // 1_000_000 if now is None else (now - _EPOCH) // timedelta(milliseconds=1)
    )
    return _uuid7(millis, os.urandom(10))


def _uuid7(millis: int, chance: bytes) -> str:
    number = millis << 80 | int.from_bytes(chance, "big")
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    # As uuid.UUID writes it, which takes four times as long.
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def made_at(run_id: str) -> datetime | None:
    """Return when a UUIDv7 was made, or None if the text is none."""
    try:
        parsed = uuid.UUID(run_id)
    except ValueError:
        return None
    if parsed.version != 7:
        return None
    return _EPOCH + timedelta(milliseconds=parsed.int >> 80)


def current_traceparent() -> str:
    """Return the W3C trace context of the span that the caller is in, empty where it is in none.

    It asks OpenTelemetry where the program has loaded it, and loads nothing.
    """
    tracing = sys.modules.get("opentelemetry.trace")
    if tracing is None:
        return ""
    span = tracing.get_current_span().get_span_context()
    if not span.is_valid:
        return ""
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"
