"""What ends a pool.

PoolError
├── PoolStalledError   stop and start again: records are there and none arrive
├── PoolPositionError  stop and ask: its position is of another topic than is there now
└── PoolBrokenError    stop and look: the log refused a result, or the client broke
"""

from __future__ import annotations


class PoolError(Exception):
    """The root: the pool ends, nothing is lost, and what was open is redelivered."""


class PoolStalledError(PoolError):
    """The consumer stopped receiving records that are there."""


class PoolPositionError(PoolError):
    """The group has a position of another topic than is there now; the message says what to do."""


class PoolBrokenError(PoolError):
    """The log refused for good what the pool writes or reads."""
