"""Whether what lanes and views remember belongs to the topics that are there now."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select

from runfold.events import topics
from runfold.events.operations import RestorePoint
from runfold.processors.engine.kafka.strange_inputs import strange
from runfold.producers.log.kafka_tail import KafkaEnds
from runfold.producers.log.remembered import Now, Remembered
from runfold.producers.log.topic_ids import topic_ids
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
    """Find views that are further than the log: they were made from another one."""
    at = projection_positions.c
    query = select(at.topic, at.topic_partition, func.max(at.next_offset))
    with deployment.engine.connect() as connection:
        rows = connection.execute(query.group_by(at.topic, at.topic_partition)).all()
    ends = deployment.log.ends(places_of(deployment), committed=False)
    for topic, number, offset in rows:
        end = ends.get((topic, int(number)), 0)
        if int(offset) > end:
            yield wrong(
                "positions",
                f"the views have seen {topic}/{number} up to offset {offset}, and it ends at "
                f"{end}: they were made from another log, or it has lost its end",
                "if that log is gone for good, give the projector an empty database: the views are "
                "made again from the log that is there",
            )
