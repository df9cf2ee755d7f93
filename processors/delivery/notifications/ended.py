"""How an attempt to notify a subscriber ended."""

from __future__ import annotations

from typing import Literal, NamedTuple

State = Literal["sent", "open", "failed", "unknown", "dropped"]


class Ended(NamedTuple):
    """``open`` did not arrive and is tried again, not before ``asked_s`` seconds.

    After the last attempt what is open is ``at_last``.
    """

    state: State
    error: str | None = None
    asked_s: float = 0.0
    at_last: State = "failed"
