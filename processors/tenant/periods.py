"""When periods begin: in UTC, at the full hour, at midnight, on the first of the month."""

from __future__ import annotations

from datetime import UTC, datetime


def began(period: str, now: datetime) -> datetime:
    """Return when the period that lasts ``now`` began."""
    at = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if period == "hour":
        return at
    at = at.replace(hour=0)
    return at.replace(day=1) if period == "month" else at
