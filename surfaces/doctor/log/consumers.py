"""Who is behind: lanes, pools and views, each measured against the log itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import func, select

from runfold.events import topics
from runfold.events.calls.kinds import POOLED
from runfold.events.records.operations import PositionNoted
from runfold.events.run import Event
from runfold.projections.tables import projection_positions
from runfold.surfaces.doctor.deployment import Deployment
from runfold.surfaces.doctor.finding import Finding, ok, span, warning, wrong
from runfold.surfaces.doctor.log.kafka import Place
from runfold.surfaces.doctor.places import Waiting, places_of, waiting

_LANES = "runfold-runs-positions"
_INPUTS = (topics.REQUESTS, topics.CONTROLS, topics.RESULTS)
_POOLS = {kind.group: (kind.topic, f"python -m runfold.processors.{kind.name}") for kind in POOLED}


def check_lanes(deployment: Deployment) -> Iterator[Finding]:
    """Find partitions whose inputs nobody decides."""
    shown = deployment.log.offsets_of(_LANES)
    taken = {place: shown.get(place, 0) for place in places_of(deployment, _INPUTS)}
    suspects = [
        each
        for each in waiting(deployment, taken)
        if deployment.age(each.since) > deployment.limits.input_waits_s
    ]
    stuck = list(_undecided(deployment, suspects))
    for each in stuck:
        topic, partition = each.place
        yield wrong(
            "lanes",
            f"nobody takes the inputs of partition {partition}: {topic} has waited for "
            f"{span(deployment.age(each.since))} at offset {each.offset}",
            f"see whether a run processor owns partition {partition} (`runfold status`, "
            "RUNFOLD_FIXED_PARTITIONS) and what its log says",
        )
    if not stuck:
        lanes = len({partition for _, partition in taken})
        yield ok("lanes", f"the inputs of all {lanes} lanes are decided")


def check_pools(deployment: Deployment) -> Iterator[Finding]:
    """Find work that no pool does."""
    for group, (topic, command) in _POOLS.items():
        shown = deployment.log.offsets_of(group)
        taken = {place: shown.get(place, 0) for place in places_of(deployment, (topic,))}
        left = waiting(deployment, taken)
        members = deployment.log.members_of(group)
        oldest = max((deployment.age(each.since) for each in left), default=0.0)
        if not left:
            yield ok("pools", f"{topic} is worked off; {members} processes in {group}")
        elif not members:
            yield wrong(
                "pools",
                f"{topic} has work since {span(oldest)} and no process is in {group}",
                f"start one: {command} (`runfold up` runs a tool pool)",
            )
        elif oldest > deployment.limits.pool_waits_s:
            yield warning(
                "pools",
                f"{topic} is behind by {span(oldest)}, with {members} processes in {group}",
                "add processes, or look for a call that hangs: "
                "`runfold runs --status running_tool`",
            )
        else:
            yield ok("pools", f"{members} processes of {group} are at work on {topic}")


def check_views(deployment: Deployment) -> Iterator[Finding]:
    """Find views that do not keep up with the log."""
    at = projection_positions.c
    query = select(at.topic, at.topic_partition, func.min(at.next_offset))
    with deployment.engine.connect() as connection:
        rows = connection.execute(query.group_by(at.topic, at.topic_partition)).all()
    shown = {(topic, int(partition)): int(offset) for topic, partition, offset in rows}
    wanted = places_of(deployment, (topics.EVENTS, topics.DEAD_LETTERS))
    late = [
        each
        for each in waiting(deployment, {place: shown.get(place, 0) for place in wanted})
        if deployment.age(each.since) > deployment.limits.view_lags_s
    ]
    for each in late:
        topic, partition = each.place
        yield wrong(
            "views",
            f"the views lack {topic}/{partition} from offset {each.offset} on, for "
            f"{span(deployment.age(each.since))}",
            "see that one projector runs for every partition (`runfold status`, "
            "RUNFOLD_PROJECTOR_PARTITIONS) and what its log says",
        )
    if not late:
        yield ok("views", "the views keep up with the log")


def _undecided(deployment: Deployment, suspects: list[Waiting]) -> Iterator[Waiting]:
    """Yield what the journal does not know of either: the group's offsets are only a copy."""
    if not suspects:
        return
    decided: dict[Place, int] = {}
    for found in deployment.reader.read(topics.EVENTS, min(each.since for each in suspects)):
        match found.record:
            case Event(meta=meta):
                _note(decided, meta.cause)
            case PositionNoted(positions=positions):
                for each in positions:
                    place = (each.topic, each.partition)
                    decided[place] = max(decided.get(place, 0), each.offset)
            case _:
                pass
    yield from (each for each in suspects if not _is_decided(each, decided))


def _is_decided(each: Waiting, decided: Mapping[Place, int]) -> bool:
    return decided.get(each.place, 0) > each.offset


def _note(decided: dict[Place, int], cause: str) -> None:
    topic, _, rest = cause.partition("/")
    partition, _, offset = rest.partition("/")
    if topic in _INPUTS and partition.isdecimal() and offset.isdecimal():
        place = (topic, int(partition))
        decided[place] = max(decided.get(place, 0), int(offset) + 1)
