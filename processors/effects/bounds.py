"""What the calls of one key, a tool or a model, may take of what all share."""

from __future__ import annotations

from dataclasses import dataclass

from runfold.infra.settings.declared import variables
from runfold.processors.effects.queue import SHARE


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds for each key of a host.

    ``share`` is the part of the places in flight that it may take. ``queued`` is how many calls of
    it may wait; more of those that begin by permission are held, others wait all the same.
    """

    share: float = SHARE
    queued: int | None = None

    @classmethod
    def from_env(cls) -> Bounds:
        """Read what holds for calls that are handed out within this process: none is sent away."""
        return cls(variables.CALLS_SHARE.read() / 100)

    @classmethod
    def of_pool(cls) -> Bounds:
        """Read what holds in a pool."""
        backlog, share = variables.POOL_BACKLOG.read(), variables.POOL_SHARE.read()
        return cls(variables.CALLS_SHARE.read() / 100, max(1, backlog * share // 100))
