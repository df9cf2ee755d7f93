"""The partitions that an ownership gives to this process, projected as they come and go."""

from __future__ import annotations

from collections.abc import Callable

from runfold.producers.log.ownership.port import Ownership
from runfold.producers.log.ownership.shared import Shared
from runfold.projections.errors import Fenced
from runfold.projections.store.projector import Projector


def shared_projector(
    ownership: Ownership, make: Callable[[tuple[int, ...]], Projector], again_s: float | None = None
) -> Shared[Projector]:
    """Return what projects the partitions of this process; its ``run`` raises Fenced."""
    return Shared(ownership, make, again_s, Fenced, "projector")
