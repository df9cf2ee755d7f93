"""Which partitions there are, and what waits in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from runfold.events.topics import TOPICS
from runfold.surfaces.doctor.deployment import Deployment
from runfold.surfaces.doctor.log.kafka import Place


@dataclass(frozen=True, slots=True)
class Waiting:
    """Records that nobody has dealt with: at most how many, since when, the first one's offset."""

    place: Place
    records: int
    since: datetime
    offset: int


def places_of(deployment: Deployment, topics: Iterable[str] | None = None) -> list[Place]:
    """Return every partition of these topics that is there; of all topics unless given."""
    known = deployment.log.cluster().topics
    wanted = [topic.name for topic in TOPICS] if topics is None else topics
    return [(name, number) for name in wanted for number in known.get(name, {})]


def waiting(deployment: Deployment, taken: Mapping[Place, int]) -> list[Waiting]:
    """Return where committed records stand at or after the offsets that were taken."""
    ends = deployment.log.ends(taken, committed=True)
    behind = {place: offset for place, offset in taken.items() if offset < ends[place]}
    # Between an offset and the end there may be nothing but marks of transactions.
    return [
        Waiting(place, ends[place] - found.offset, found.time, found.offset)
        for place, found in sorted(deployment.log.first_from(behind).items())
    ]
