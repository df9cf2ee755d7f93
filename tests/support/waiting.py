"""Waiting for conditions."""

from __future__ import annotations

import time
from collections.abc import Callable

_LONGEST_REST_S = 1.0


def wait_until(done: Callable[[], bool], seconds: float = 30.0) -> None:
    """Look every 20 ms whether a condition holds; fail after the time given.

    Where a look takes longer, as long is waited: those that are watched need the processor.
    """
    until = time.monotonic() + seconds
    looked = time.monotonic()
    while not done():
        now = time.monotonic()
        assert now < until, f"not so after {seconds} s"
        time.sleep(min(max(0.02, now - looked), _LONGEST_REST_S))
        looked = time.monotonic()
