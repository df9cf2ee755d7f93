"""The Retry-After header, which says when a provider wants to be asked again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_MS = 3_600_000


def retry_after_ms(headers: Mapping[str, str], now: datetime) -> int | None:
    """Return the pause asked for in milliseconds, at most an hour; None where none is asked.

    Reads ``retry-after-ms`` before ``Retry-After``, whose value is seconds or an HTTP date.
    """
    for name, scale in (("retry-after-ms", 1), ("retry-after", 1000)):
        value = headers.get(name, "").strip()
        pause = _number(value, scale) if value else None
        if pause is None and value and name == "retry-after":
            pause = _until(value, now)
        if pause is not None:
            return max(0, min(pause, LONGEST_MS))
    return None


def _number(value: str, scale: int) -> int | None:
    try:
        return int(float(value) * scale)
    except (ValueError, OverflowError):
        return None


def _until(value: str, now: datetime) -> int | None:
    try:
        then = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return int((then - now).total_seconds() * 1000)
