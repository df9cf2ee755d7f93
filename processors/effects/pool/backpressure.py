"""Whether a pool has room for more work, and how it holds back while it has none."""

from __future__ import annotations

# A pause throws away what was fetched ahead, and the broker is asked for it again afterwards.
_PAUSE_AFTER_S = 0.25


class Backpressure:
    """Room for ``most`` open calls whose records have ``most_bytes`` in all.

    A pool that is full for a moment just does not read. One that stays full must go on polling,
    to keep its place in the group: it pauses its partitions, until half of its calls are answered.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._full_since: float | None = None
        self.paused = False

    @property
    def waits(self) -> bool:
        """Whether the pool is full, and not yet for so long that it pauses."""
        return self._full_since is not None and not self.paused

    def note(self, open_calls: int, size: int, now: float) -> None:
        """Take in how many calls of what size are open at a moment of the monotonic clock."""
        parts = 2 if self.paused else 1
        fewer = min(self._most - 1, self._most // parts)
        if open_calls <= fewer and size <= self._most_bytes // parts:
            self._full_since = None
        elif self._full_since is None:
            self._full_since = now
        self.paused = self._full_since is not None and now - self._full_since >= _PAUSE_AFTER_S
