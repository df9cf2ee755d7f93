"""The committed positions of a consumer group, each with the id of the topic that it is of.

The id stands in the metadata of the committed offset. Offsets of earlier releases have none.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from confluent_kafka import KafkaException, TopicPartition

from runfold.infra.kafka.clients import Consumer
from runfold.producers.errors import RefusedError, translated
from runfold.producers.log.consumers import Settings, consumer_of, places_of
from runfold.producers.log.kafka_tail import KafkaEnds
from runfold.producers.log.tail import Place
from runfold.producers.log.topics.now import now_of
from runfold.producers.log.topics.remembered import Fit, Remembered, judge, told

_ANSWER_S = 10.0
_EMPTY_S = 45.0
_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class Positions:
    """Where a group goes on in places of one topic, whose id is ``topic_id``.

    ``gone`` are ranges of offsets (first, next) that were deleted before the group had read them.
    ``strange`` says in sentences which positions are of another topic than that of now.
    """

    topic_id: str
    starts: Mapping[Place, int]
    gone: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    strange: tuple[str, ...] = ()


def positions_of(kafka: Settings, consumer: Consumer, places: Sequence[Place]) -> Positions:
    """Hold what the consumer's group has committed against the topic of now; raises LogError."""
    log = now_of(kafka, places)
    starts, gone, strange = dict[Place, int](), dict[int, tuple[int, int]](), list[str]()
    for place, at in _committed(consumer, places).items():
        now = log[place]
        fit = judge(at, now)
        starts[place] = max(at.offset, now.low)
        if fit is Fit.LOST_START:
            gone[place[1]] = at.offset, now.low
        elif fit is not Fit.FITS:
            what = told(place, at, now)
            strange.append(f"the group has {place[0]}/{place[1]} up to offset {at.offset}, {what}")
    topic_id = next((each.topic_id for each in log.values()), "")
    return Positions(topic_id, starts, gone, tuple(strange))


def begin_anew(kafka: Settings, group: str, topic: str) -> list[str]:
    """Commit the beginning of every place whose position is of another topic than that of now.

    Returns what was strange. Waits until the group has no members any more; raises LogError, a
    RefusedError where it keeps having some.
    """
    with closing(consumer_of(kafka, {"group.id": group})) as consumer:
        places = places_of(consumer, topic)
        found = positions_of(kafka, consumer, places)
        if not found.strange:
            return []
        low = KafkaEnds(kafka).low(places)
        offsets = [
            TopicPartition(*place, low[place], found.topic_id)
            for place in places
            if positions_of(kafka, consumer, [place]).strange
        ]
        until = time.monotonic() + _EMPTY_S
        while True:
            try:
                consumer.commit(offsets=offsets, asynchronous=False)
            except KafkaException as error:
                if time.monotonic() > until:
                    raise RefusedError(
                        f"The group {group} still has members: stop its pools, and try again "
                        f"({error.args[0].str()})."
                    ) from error
                time.sleep(_PAUSE_S)
            else:
                return list(found.strange)


def positions_of_group(kafka: Settings, group: str, places: Sequence[Place]) -> Positions:
    """Hold what a group has committed against the topic of now, from outside it; raises LogError.

    Nobody joins the group for it.
    """
    with closing(consumer_of(kafka, {"group.id": group})) as consumer:
        return positions_of(kafka, consumer, places)


def _committed(consumer: Consumer, places: Iterable[Place]) -> dict[Place, Remembered]:
    asked = [TopicPartition(*place) for place in places]
    try:
        found = consumer.committed(asked, timeout=_ANSWER_S)
    except KafkaException as error:
        raise translated(error, "asking what the group has committed") from error
    for each in found:
        if each.error is not None:
            raise translated(each.error, f"asking for the group's position in {each.topic}")
    return {
        (each.topic, each.partition): Remembered(max(0, each.offset), each.metadata or "")
        for each in found
    }
