"""The one thread of a process that reads the events of what sleeps back from the journal."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import KafkaException

from runfold.processors.engine.config import EngineConfig
from runfold.processors.engine.core.parked_copy import Collector, ParkedCopy, Sleeper
from runfold.processors.engine.faults import EngineFault
from runfold.processors.engine.kafka.restoring.partition_reader import PartitionReader
from runfold.processors.engine.ports import Codec
from runfold.processors.engine.spec import AggregateSpec
from runfold.producers.errors import LogError

logger = logging.getLogger(__name__)

Job = tuple[int, Sequence[Sleeper], Callable[[ParkedCopy], None]]


class Parker(threading.Thread):
    """Makes copies in the background, so that no lane waits for the reading."""

    def __init__(self, config: EngineConfig, spec: AggregateSpec[Any], codec: Codec) -> None:
        super().__init__(name="parker", daemon=True)
        self._config = config
        self._spec = spec
        self._codec = codec
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()

    def ask(
        self, partition: int, wanted: Sequence[Sleeper], deliver: Callable[[ParkedCopy], None]
    ) -> None:
        """Have sleepers copied; each copy goes to ``deliver``. A job that fails is forgotten."""
        self._jobs.put((partition, wanted, deliver))

    def stop(self) -> None:
        """End the thread after its current job."""
        self._jobs.put(None)

    def run(self) -> None:
        """Do one job after another."""
        while True:
            job = self._jobs.get()
            if job is None:
                return
            try:
                self._copy(*job)
            except (EngineFault, KafkaException, LogError) as error:
                logger.warning("sleepers not copied: %s", error, extra={"partition": job[0]})
            except Exception:
                # Without copies a restore reads more; nothing has to stop for that.
                logger.exception("sleepers not copied", extra={"partition": job[0]})

    def _copy(
        self, partition: int, wanted: Sequence[Sleeper], deliver: Callable[[ParkedCopy], None]
    ) -> None:
        collector = Collector(wanted, self._spec, self._codec)
        start = min(sleeper.first_offset for sleeper in wanted)
        end = max(sleeper.end for sleeper in wanted)
        reader = PartitionReader(self._config, lambda: None)
        try:
            for batch in reader.read(self._spec.topics.journal, partition, start, end):
                for message in batch:
                    key, value = message.key(), message.value()
                    offset = message.offset()
                    if isinstance(key, bytes) and isinstance(value, bytes) and offset is not None:
                        collector.take(offset, key, value)
        finally:
            reader.close()
        for copy in collector.copies():
            deliver(copy)
