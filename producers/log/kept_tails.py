"""Readers that are kept for the next reading: to make one costs more than most readings do."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from confluent_kafka import KafkaException

from runfold.producers.log.consumers import Settings
from runfold.producers.log.kafka_tail import KafkaTail

_MOST = 8
_YOUNG_S = 60.0
# That a place is at its end is said once a fetch has waited in vain; nothing is fetched in between.
_OWN: Settings = {"fetch.wait.max.ms": 5}


class KeptTails:
    """Lends tails, each to one reading at a time; any thread may borrow.

    One whose reading failed is not lent again: a client that lived through a fault of the brokers
    may be the reason why the next reading fails.
    """

    def __init__(self, kafka: Settings) -> None:
        self._kafka = kafka
        self._lock = threading.Lock()
        self._kept: list[tuple[float, KafkaTail]] = []

    @contextmanager
    def lent(self) -> Iterator[KafkaTail]:
        """Have a tail that follows nothing within the block."""
        tail = self._taken()
        whole = False
        try:
            yield tail
            whole = True
        except GeneratorExit:
            # Whoever read has enough: nothing is wrong with the tail.
            whole = True
            raise
        finally:
            self._give_back(tail, whole=whole)

    def _taken(self) -> KafkaTail:
        now = time.monotonic()
        with self._lock:
            old = [tail for since, tail in self._kept if now - since > _YOUNG_S]
            self._kept = [each for each in self._kept if now - each[0] <= _YOUNG_S]
            found = self._kept.pop()[1] if self._kept else None
        for tail in old:
            tail.close()
        return found or KafkaTail(self._kafka, own=_OWN)

    def _give_back(self, tail: KafkaTail, *, whole: bool) -> None:
        if whole:
            with suppress(KafkaException, RuntimeError):
                tail.assign({})
                with self._lock:
                    if len(self._kept) < _MOST:
                        self._kept.append((time.monotonic(), tail))
                        return
        tail.close()
