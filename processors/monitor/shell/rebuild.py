"""Reading the log back before the first look: every live run, and the longest window.

The order matters, as in a lane's restore:
1. the restore points, which say from where on live runs have their events in the journal
2. the parked copies, which hold the older events of sleeping runs
3. the journal, from the restore point or the beginning of the longest window, whichever is older
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.errors import WireError
from runfold.events.records.operations import ParkedRun, RestorePoint
from runfold.processors.monitor.shell.intake import Gap, Intake
from runfold.processors.monitor.shell.reading import to_the_end
from runfold.producers.log.kafka_tail import KafkaTail
from runfold.producers.log.tail import RawRecord, place_of, time_of


def rebuild(
    kafka: Mapping[str, str], codec: Codec, intake: Intake, partitions: int, since: datetime
) -> None:
    """Feed the intake with what it missed; raises a LogError where the log does not answer."""
    hints = _hints(kafka, codec)
    for value in _parked(kafka, codec):
        intake.take_copy(value)
    starts = _times(kafka, topics.EVENTS, partitions, since)
    for partition in range(partitions):
        starts[partition] = min(starts[partition], hints.get(partition, 0))
        intake.begin(topics.EVENTS, partition, int(starts[partition]))
    _take(intake, to_the_end(kafka, topics.EVENTS, starts), since)
    for partition in range(partitions):
        intake.begin(topics.DEAD_LETTERS, partition, 0)
    letters = _times(kafka, topics.DEAD_LETTERS, partitions, since)
    _take(intake, to_the_end(kafka, topics.DEAD_LETTERS, letters), since)


def _take(intake: Intake, records: Iterator[RawRecord | Gap], since: datetime) -> None:
    newest = since
    for found in records:
        if not isinstance(found, Gap):
            newest = max(newest, time_of(found))
        intake.take(found, newest)


def _hints(kafka: Mapping[str, str], codec: Codec) -> dict[int, int]:
    """Return the newest restore point of each partition: an old one costs only reading."""
    found: dict[int, int] = {}
    for raw in to_the_end(kafka, topics.RESTORE, {}):
        record = _record(codec, raw)
        if isinstance(record, RestorePoint):
            found[record.partition] = record.journal_offset
    return found


def _parked(kafka: Mapping[str, str], codec: Codec) -> list[bytes]:
    """Return the events of sleeping runs, those of a run in their order."""
    copies: dict[tuple[str, int], tuple[bytes, ...]] = {}
    for raw in to_the_end(kafka, topics.PARKED, {}):
        key = b"" if isinstance(raw, Gap) else raw.key() or b""
        run_id, _, first_seq = key.decode(errors="replace").rpartition("/")
        if isinstance(raw, Gap) or not (first_seq.isascii() and first_seq.isdecimal()):
            continue
        record = _record(codec, raw)
        if isinstance(record, ParkedRun):
            copies[run_id, int(first_seq)] = record.values
        elif raw.value() is None:
            copies.pop((run_id, int(first_seq)), None)
    return [value for key in sorted(copies) for value in copies[key]]


def _record(codec: Codec, raw: RawRecord | Gap) -> object:
    if isinstance(raw, Gap):
        return None
    try:
        return codec.decode(place_of(raw)[0], raw.value())
    except WireError:
        return None


def _times(
    kafka: Mapping[str, str], topic: str, partitions: int, since: datetime
) -> dict[int, float]:
    """Return the first offset of the window in each partition, infinity where nothing is in it."""
    millis = int(since.timestamp() * 1000)
    with closing(KafkaTail(kafka)) as tail:
        found = tail.from_time([(topic, number) for number in range(partitions)], millis)
    return {number: at if at >= 0 else math.inf for (_, number), at in found.items()}
