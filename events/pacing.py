"""How often something may happen: a count that moves on with each time, by itself exact.

The generic cell rate algorithm: each time moves the count on by the interval of the rate, and the
next one may come when the count is no further ahead than the burst allows. One moment is all that
has to be remembered, in whole microseconds, so that every machine finds the same.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

_US = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


class Interval(NamedTuple):
    """How far apart things may happen, and how far ahead the count may be."""

    each: timedelta
    ahead: timedelta


def interval(times: int, period: timedelta, burst: int | None = None) -> Interval:
    """Return the interval of a rate: so many times in a period, ``burst`` of them at once."""
    # Rounded up: never more than allowed.
    each = -(-(period // _US) // times) * _US
    at_once = times if burst is None else min(burst, times)
    return Interval(each, (at_once - 1) * each)


def after(before: datetime | None, now: datetime, rate: Interval) -> datetime:
    """Return where the count stands after one more time, now."""
    return max(before or now, now) + rate.each


def free(stands: datetime, rate: Interval) -> datetime:
    """Return from when on the next one may come, given where the count stands."""
    return stands - rate.ahead


def micros(at: datetime) -> int:
    """Return a moment in whole microseconds since the epoch."""
    return (at - datetime.fromtimestamp(0, at.tzinfo)) // _US
