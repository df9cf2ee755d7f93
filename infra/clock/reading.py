"""The two clocks of a machine: one tells the time and may be set, the other only counts."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def wall() -> datetime:
    """Return the machine's time in UTC; whoever sets the clock makes it jump either way."""
    return datetime.now(UTC)


def elapsed() -> float:
    """Return seconds that only count what passed, sleep of the machine included where it can.

    They begin anywhere, and mean nothing on another machine or after it was started again.
    """
    # A laptop that slept has not had its clock set; Linux's monotonic clock leaves sleep out.
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)
