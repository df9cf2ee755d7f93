"""When a delivery that failed is tried again, and when it is given up: after about a day."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

PAUSES_S: Final = (5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 7200.0, 14_400.0, 25_200.0, 32_400.0)
"""Seconds between attempts: eleven attempts within 23 hours and 42 minutes."""

_JITTER = 0.2


def next_attempt(
    attempt: int,
    now: datetime,
    chance: float,
    asked_s: float | None = None,
    pauses: tuple[float, ...] = PAUSES_S,
) -> datetime | None:
    """Return when to try again after attempt 1, 2, …; None where it was the last.

    ``chance`` in [0, 1) spreads receivers that came back over a fifth of the pause to either side.
    ``asked_s`` is what the receiver asked for: it makes a pause longer, never shorter.
    """
    if attempt > len(pauses):
        return None
    pause = pauses[attempt - 1] * (1 - _JITTER + 2 * _JITTER * chance)
    return now + timedelta(seconds=max(pause, asked_s or 0.0))
