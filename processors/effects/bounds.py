"""What the calls of one key, a tool or a model, may take of what all share."""

from __future__ import annotations

from dataclasses import dataclass

from runfold.processors.effects.queue import SHARE


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds for each key of a host.

    ``share`` is the part of the places in flight that it may take. ``queued`` is how many calls of
    it may wait; more of those that begin by permission are held, others wait all the same.
    """

    share: float = SHARE
    queued: int | None = None
