"""Whether what lanes and views remember belongs to the topics that are there now."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select

from runfold.events import topics
from runfold.events.calls.kinds import POOLED
from runfold.events.records.operations import RestorePoint
from runfold.processors.effects.pool.settings import take_new_work
from runfold.processors.engine.kafka.restoring.strange_inputs import strange
from runfold.producers.log.group_positions import positions_of_group
from runfold.producers.log.kafka_tail import KafkaEnds
from runfold.producers.log.topics.now import now_of
from runfold.producers.log.topics.remembered import Fit, Now, Remembered, judge, told
from runfold.producers.log.topics.topic_ids import topic_ids
from runfold.projections.store.strange_log import COMMAND
from runfold.projections.tables import projection_positions
from runfold.surfaces.doctor.deployment import Deployment
from runfold.surfaces.doctor.finding import Finding, ok, warning, wrong
from runfold.surfaces.doctor.places import places_of

_INPUTS = (topics.REQUESTS, topics.CONTROLS, topics.RESULTS)


def check_inputs(deployment: Deployment) -> Iterator[Finding]:
    """Find lanes whose newest restore point is of other input topics than those of now."""
    newest: dict[int, RestorePoint] = {}
    for found in deployment.reader.read(topics.RESTORE):
        if isinstance(found.record, RestorePoint):
            newest[found.record.partition] = found.record
    ids = topic_ids(deployment.kafka, _INPUTS)
    places = places_of(deployment, _INPUTS)
    ends = deployment.log.ends(places, committed=False)
    low = KafkaEnds(deployment.kafka).low(places)
    bad = 0
    for partition, point in sorted(newest.items()):
        now = {
            topic: Now(ids[topic], low[topic, number], end)
            for (topic, number), end in ends.items()
            if number == partition
        }
        mine = {
            each.topic: Remembered(each.offset, each.topic_id)
            for each in point.positions
            if each.topic in _INPUTS
        }
        for each in strange(partition, mine, now):
            bad += 1
            say = wrong if each.stops else warning
            yield say("positions", each.sentence(), each.todo())
    if not bad:
        yield ok("positions", "what the lanes remember belongs to the topics that are there")


def check_views(deployment: Deployment) -> Iterator[Finding]:
    """Find views whose positions are of another log, or of one that has lost something."""
    at = projection_positions.c
    query = select(at.topic, at.topic_partition, func.max(at.next_offset), func.max(at.topic_id))
    with deployment.engine.connect() as connection:
        rows = connection.execute(query.group_by(at.topic, at.topic_partition)).all()
    there = set(places_of(deployment))
    seen = {
        (str(topic), int(number)): Remembered(int(offset), topic_id)
        for topic, number, offset, topic_id in rows
        if (topic, int(number)) in there
    }
    for place, now in now_of(deployment.kafka, seen).items():
        if judge(seen[place], now) is not Fit.FITS:
            yield wrong(
                "positions",
                f"the views have seen {place[0]}/{place[1]} up to offset {seen[place].offset}, "
                f"{told(place, seen[place], now)}",
                f"bring the right log back; if it is gone for good, {COMMAND}",
            )


def check_pools(deployment: Deployment) -> Iterator[Finding]:
    """Find groups of pools whose positions are of another topic than that of now."""
    for kind in POOLED:
        places = places_of(deployment, (kind.topic,))
        found = positions_of_group(deployment.kafka, kind.group, places)
        for each in found.strange:
            yield wrong("positions", each, f"see why, then {take_new_work(kind)}")
        for number, (first, behind) in found.gone.items():
            yield warning(
                "positions",
                f"no pool has read {kind.topic}/{number} from offset {first} to {behind - 1}, and "
                "it was deleted: its calls end by their time-out",
                "see why nobody read it for so long",
            )
