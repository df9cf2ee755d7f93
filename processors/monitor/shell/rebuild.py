"""Reading the log back before the first look: every live run, and the longest window.

The order matters, as in a lane's restore:
1. the restore points, which say from where on live runs have their events in the journal
2. the parked copies, which hold the older events of sleeping runs
3. the journal, from the restore point or the beginning of the longest window, whichever is older
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.operations import ParkedRun, RestorePoint
from runfold.processors.monitor.shell.intake import Intake
from runfold.producers.log.kafka import TopicReader
from runfold.producers.log.kafka_tail import KafkaTail


def rebuild(
    kafka: Mapping[str, str], codec: Codec, intake: Intake, partitions: int, since: datetime
) -> None:
    """Feed the intake with what it missed; raises a LogError where the log does not answer."""
    reader = TopicReader(kafka, codec)
    hints = _hints(reader)
    for value in _parked(reader):
        intake.take_copy(value)
    starts = _starts(kafka, partitions, since)
    for partition in range(partitions):
        starts[partition] = min(starts[partition], hints.get(partition, 0))
        intake.begin(topics.EVENTS, partition, int(starts[partition]))
    whole = {partition: int(start) for partition, start in starts.items()}
    for found in reader.read(topics.EVENTS, whole):
        place = found.place
        intake.take(place.topic, place.partition, place.offset, found.value, found.appended_at)
    for partition in range(partitions):
        intake.begin(topics.DEAD_LETTERS, partition, 0)
    for found in reader.read(topics.DEAD_LETTERS, since):
        place = found.place
        intake.take(place.topic, place.partition, place.offset, found.value, found.appended_at)


def _hints(reader: TopicReader) -> dict[int, int]:
    """Return the newest restore point of each partition: an old one costs only reading."""
    found: dict[int, int] = {}
    for delivery in reader.read(topics.RESTORE):
        if isinstance(delivery.record, RestorePoint):
            found[delivery.record.partition] = delivery.record.journal_offset
    return found


def _parked(reader: TopicReader) -> list[bytes]:
    """Return the events of sleeping runs, those of a run in their order."""
    copies: dict[tuple[str, int], tuple[bytes, ...]] = {}
    for delivery in reader.read(topics.PARKED):
        run_id, _, first_seq = (delivery.key or b"").decode().rpartition("/")
        if isinstance(delivery.record, ParkedRun):
            copies[run_id, int(first_seq)] = delivery.record.values
        elif delivery.value is None and first_seq.isdecimal():
            copies.pop((run_id, int(first_seq)), None)
    return [value for key in sorted(copies) for value in copies[key]]


def _starts(kafka: Mapping[str, str], partitions: int, since: datetime) -> dict[int, float]:
    """Return the first offset of the window in each partition, infinity where nothing is in it."""
    millis = int(since.timestamp() * 1000)
    with closing(KafkaTail(kafka)) as tail:
        found = tail.from_time([(topics.EVENTS, number) for number in range(partitions)], millis)
    return {number: at if at >= 0 else math.inf for (_, number), at in found.items()}
