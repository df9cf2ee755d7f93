"""Saying that a clock is wrong: at once, every hour while it lasts, and when it is over."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from runfold.infra.clock import reading
from runfold.infra.clock.steady import FASTER, SLOWER

_log = logging.getLogger(__name__)

FAR = timedelta(minutes=5)
"""How far a steady time may be from its machine's clock without being said to be."""

_AGAIN_S = 3600.0


class Teller:
    """Writes a sentence to the log when it is new, and every hour while there is one.

    ``over`` is what it writes when there is none any more.
    """

    def __init__(self, over: str, elapsed: Callable[[], float] = reading.elapsed) -> None:
        self._over = over
        self._elapsed = elapsed
        self._said_at: float | None = None

    def tell(self, sentence: str, **fields: object) -> None:
        """Take what is to be said now, empty where nothing is."""
        now = self._elapsed()
        if not sentence:
            if self._said_at is not None:
                _log.info("%s", self._over, extra=fields)
            self._said_at = None
        elif self._said_at is None or now - self._said_at >= _AGAIN_S:
            self._said_at = now
            _log.warning("%s", sentence, extra=fields)


def far_off(ahead: timedelta) -> str:
    """Return what is to be said of a lane's time that is so far ahead of its machine's clock."""
    if abs(ahead) <= FAR:
        return ""
    if ahead > FAR:
        again = _span(ahead / (1 - SLOWER))
        return (
            f"the lane's time is {_span(ahead)} ahead of this machine's clock, because of times "
            f"on record or a clock that was set back: it agrees again in {again}; where this "
            "clock is right there is nothing to do"
        )
    return (
        f"the lane's time is {_span(ahead)} behind this machine's clock, which was set: it agrees "
        f"again in {_span(ahead / (FASTER - 1))}, what is due comes due late until then, and no "
        "end of a run is forgotten. Where this clock is right, restart the run processor "
        "(`runfold restart runs`, or its process): it then goes by this clock at once"
    )


def _span(span: timedelta) -> str:
    seconds = abs(span).total_seconds()
    for unit, size in (("days", 86_400), ("hours", 3600)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 60:.0f} minutes"
