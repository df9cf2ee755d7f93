"""When periods begin: in UTC, at the full hour, at midnight, on the first of the month."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def began(period: str, now: datetime) -> datetime:
    """Return when the period that lasts ``now`` began."""
    at = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if period == "hour":
        return at
    at = at.replace(hour=0)
    return at.replace(day=1) if period == "month" else at


def ends(period: str, now: datetime) -> datetime | None:
    """Return when the period that lasts ``now`` is over; None beyond what a time can be."""
    # From any day of a month this leads into the next one.
    longest = {"hour": timedelta(hours=1), "day": timedelta(days=1)}.get(period, timedelta(days=32))
    try:
        return began(period, began(period, now) + longest)
    except OverflowError:
        return None
