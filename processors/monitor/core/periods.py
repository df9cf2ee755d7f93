"""Lengths of time as people write them in rules: ``90s``, ``5m``, ``6h``, ``1d``."""

from __future__ import annotations

import re
from datetime import timedelta

from runfold.processors.monitor.core.windows import LONGEST, bucket_size

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_PATTERN = re.compile(r"([1-9][0-9]{0,5})([smhd])")


class PeriodError(ValueError):
    """A text that is no length of time, or one that cannot be used here."""


def period_of(text: str) -> timedelta:
    """Return the length of a period; raises PeriodError."""
    found = _PATTERN.fullmatch(text)
    if found is None:
        raise PeriodError(f"{text!r} is no period: write a number and s, m, h or d, such as 5m")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def window_of(text: str) -> timedelta:
    """Return the length of a window that can be counted over; raises PeriodError."""
    window = period_of(text)
    size = bucket_size(window)
    if window > LONGEST:
        raise PeriodError(f"a window of {text} is longer than {written(LONGEST)}, the longest")
    if window % size:
        raise PeriodError(f"a window of {text} is no multiple of {written(size)}")
    return window


def written(period: timedelta) -> str:
    """Return a period as people write it."""
    seconds = int(period.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
