"""Whether other owners of claims live: by the database's clock, and by what passed here.

A lease says until when its owner lives, in the time of the database. A clock that is set makes
leases say too little or too much, so what passed here is held against them:

- set ahead, every lease seems to have run out. Owners that live renew theirs within a quarter of a
  lease, so for one lease after a jump was noticed nobody is dead by the clock alone;
- set back, the lease of a dead owner seems to last for hours. It runs out when as much has passed
  here as it had left when it was first seen, and after four leases whatever it says.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from runfold.infra.clock import reading

log = logging.getLogger(__name__)

JUMP_S = 1.0
"""How far the database's clock may seem to be set without being taken for set."""

_MOST_LEASES = 4.0
_MOST_SEEN = 10_000


@dataclass(frozen=True, slots=True)
class Reading:
    """The database's time in seconds, read between two moments of ``elapsed``."""

    now: float
    asked: float
    answered: float

    @property
    def least(self) -> float:
        """The least by which the database's time may be ahead of ``elapsed``."""
        return self.now - self.answered

    @property
    def most(self) -> float:
        """The most by which it may be ahead."""
        return self.now - self.asked


class Leases:
    """Judges the leases of owners that share a database; ``lease_s`` is this process's own."""

    def __init__(self, lease_s: float, elapsed: Callable[[], float] = reading.elapsed) -> None:
        self.elapsed = elapsed
        self._lease_s = lease_s
        self._last: Reading | None = None
        self._set_ahead_at: float | None = None
        self._seen: dict[str, tuple[float, float]] = {}

    def read(self, now: float, asked: float) -> None:
        """Take in the database's time, asked for at a moment of ``elapsed`` and known now."""
        latest, before = Reading(now, asked, self.elapsed()), self._last
        self._last = latest
        if before is None:
            return
        ahead, back = latest.least - before.most, before.least - latest.most
        if ahead > JUMP_S:
            self._set_ahead_at = latest.answered
        if max(ahead, back) > JUMP_S:
            log.warning(
                "the database's clock was set %s by %.0f s: leases of claims go by what passes "
                "here; let its machine keep its time by NTP",
                "ahead" if ahead > back else "back",
                max(ahead, back),
            )

    def lives(self, owner: str, lives_until: float | None, now: float) -> bool:
        """Return whether an owner lives whose lease, None where it has none, was read at ``now``.

        ``read`` has taken in ``now`` before.
        """
        at = self.elapsed()
        if lives_until is None:
            self._seen.pop(owner, None)
            return False
        if lives_until <= now:
            noticed = self._set_ahead_at
            return noticed is not None and at - noticed < self._lease_s
        known = self._seen.get(owner)
        if known is None or known[0] != lives_until:
            left = min(lives_until - now, _MOST_LEASES * self._lease_s)
            self._remember(owner, lives_until, at + left)
            return True
        return at < known[1]

    def _remember(self, owner: str, lives_until: float, ends: float) -> None:
        if len(self._seen) >= _MOST_SEEN:
            # Whose lease is seen for the first time again only gets more time.
            self._seen.clear()
        self._seen[owner] = (lives_until, ends)
