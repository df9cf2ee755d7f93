"""Whether a request is sent again, and after how long: bounded in number and in time."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from runfold.surfaces.client.answers import Answer
from runfold.surfaces.client.asking import Ask

_NOT_TAKEN = frozenset({429})
"""Statuses that say that nothing was done, whatever was asked."""

_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which the same may succeed, where it may be sent twice."""

_UNDER_WAY = 409


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a request is sent at most, and for how many seconds in all it is tried."""

    attempts: int = 6
    within_s: float = 30.0
    first_pause_s: float = 0.2
    longest_pause_s: float = 5.0


@dataclass(slots=True)
class Trying:
    """One request while it is tried: what is left of its attempts and its time."""

    ask: Ask
    retries: Retries
    made: int = 0
    began: float = field(default_factory=time.monotonic)

    def pause_after(self, answer: Answer) -> float | None:
        """Return after how many seconds it is sent again; None where this answer counts."""
        if answer.status in _NOT_TAKEN or (self.ask.again and self._may_help(answer)):
            return self._pause(_seconds(answer.retry_after))
        return None

    def pause_after_loss(self, *, sent: bool) -> float | None:
        """Return the same where no answer came; ``sent`` says that the request may have arrived."""
        return None if sent and not self.ask.again else self._pause(None)

    def _may_help(self, answer: Answer) -> bool:
        if answer.status == _UNDER_WAY:
            return b'"under_way"' in answer.body
        # A problem says by itself whether to try again: a bug will be there the next time.
        return answer.status in _AGAIN and b'"retryable":false' not in answer.body

    def _pause(self, wished: float | None) -> float | None:
        self.made += 1
        doubled = self.retries.first_pause_s * 2 ** min(self.made - 1, 16)
        most = min(doubled, self.retries.longest_pause_s)
        # Spread, so that clients that failed together do not come back together.
        pause = random.uniform(most / 2, most) if wished is None else wished  # noqa: S311
        left = self.retries.within_s - (time.monotonic() - self.began)
        return pause if self.made < self.retries.attempts and pause <= left else None


def _seconds(said: str | None) -> float | None:
    """Return what Retry-After says: seconds, or a moment; None for what is neither."""
    if not said:
        return None
    text = said.strip()
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
