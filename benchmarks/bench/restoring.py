"""How fast a lane reads its partition back."""

from __future__ import annotations

import time

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.processors.engine.config import EngineConfig
from runfold.processors.engine.core.rebuild import Rebuild
from runfold.processors.engine.kafka.restoring.partition_reader import PartitionReader
from runfold.processors.run.aggregate import RUNS
from runfold.stack.settings import Settings


def restore_rate(settings: Settings) -> dict[str, float]:
    """Read partition 0 of the journal from its beginning, as a lane without a restore point does.

    Returns records, seconds and records_per_s of one lane.
    """
    config = EngineConfig(kafka=settings.kafka_config(), partitions=settings.partitions)
    rebuild = Rebuild(RUNS, Codec(LockRegistry()))
    reader = PartitionReader(config, lambda: None)
    began = time.perf_counter()
    end = reader.ends(RUNS.topics.all, 0)[topics.EVENTS]
    for batch in reader.read(topics.EVENTS, 0, 0, end):
        for message in batch:
            value = message.value()
            if value is not None:
                rebuild.journal(message.offset() or 0, value)
    rebuild.finish()
    seconds = time.perf_counter() - began
    reader.close()
    return {
        "records": rebuild.records,
        "seconds": round(seconds, 3),
        "records_per_s": round(rebuild.records / seconds),
    }
