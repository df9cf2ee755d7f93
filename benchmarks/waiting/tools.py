"""The tools of the measurement: one that answers at once, one that is slow, one with an effect."""

from __future__ import annotations

import time

from runfold import tool


@tool(name="wait.quick", risk_level=0)
def quick(what: str) -> str:
    """Answer at once."""
    return what


@tool(name="wait.slow", risk_level=0, max_concurrency=2, timeout_ms=30_000)
def slow(what: str) -> str:
    """Answer after a second; two at once, no more."""
    time.sleep(1)
    return what


@tool(name="wait.pay", risk_level=3, approval="never", timeout_ms=60_000)
def pay(what: str) -> str:
    """Take ten seconds for an effect that nobody may repeat."""
    time.sleep(10)
    return what
