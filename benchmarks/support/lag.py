"""How far the projector is behind the journal, looked at from outside of both."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import psycopg
from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from benchmarks.support.trend import ages
from runfold.events import topics
from runfold.stack.settings import Settings

_ANSWER_S = 10.0
_LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]
_POSITIONS = (
    "SELECT topic_partition, min(next_offset) FROM projection_positions"
    " WHERE topic = %s GROUP BY topic_partition"
)


@dataclass(frozen=True, slots=True)
class Look:
    """At a time in seconds: the end of the journal, and how many records the views lack.

    Both are offsets summed over partitions; among them is one mark a transaction.
    """

    at: float
    end: int
    behind: int


class Lag:
    """Compares the journal's committed end with the positions in Postgres."""

    def __init__(self, settings: Settings) -> None:
        """Connect to both servers."""
        self._places = [TopicPartition(topics.EVENTS, n) for n in range(settings.partitions)]
        self._admin = AdminClient({**settings.kafka_config(), "log_level": 0})
        self._database = psycopg.connect(settings.database_url, autocommit=True)

    def look(self) -> Look:
        """Return how it stands now; positions are read first, so that it never flatters."""
        rows = self._database.execute(_POSITIONS, (topics.EVENTS,)).fetchall()
        reached = {int(partition): int(offset) for partition, offset in rows}
        answers = self._admin.list_offsets(
            dict.fromkeys(self._places, _LATEST),
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=_ANSWER_S,
        )
        ends = {place.partition: answer.result().offset for place, answer in answers.items()}
        # The mark of the last transaction is not a record that anything waits for.
        behind = sum(max(0, end - reached.get(n, 0) - 1) for n, end in ends.items())
        return Look(time.monotonic(), sum(ends.values()), behind)

    def wait(self, seconds: float) -> float:
        """Return once nothing is behind, with the time; raises TimeoutError after so long."""
        until = time.monotonic() + seconds
        while (look := self.look()).behind:
            if look.at > until:
                raise TimeoutError(f"the projections lack {look.behind} records after {seconds} s")
            time.sleep(0.02)
        return look.at

    def close(self) -> None:
        """Let the database go."""
        self._database.close()


class Watch(threading.Thread):
    """Looks again and again until it is stopped."""

    def __init__(self, lag: Lag, every_s: float = 0.1) -> None:
        """Take the looks of ``lag``, which nobody else may use meanwhile."""
        super().__init__(name="lag", daemon=True)
        self.looks: list[Look] = []
        self._lag, self._every_s = lag, every_s
        self._stopping = threading.Event()

    def run(self) -> None:
        """Look."""
        while True:
            self.looks.append(self._lag.look())
            if self._stopping.wait(self._every_s):
                return

    def stop(self) -> list[Look]:
        """Take a last look and return them all."""
        self._stopping.set()
        self.join()
        return self.looks


def seconds_behind(looks: list[Look]) -> list[float]:
    """Return how old the newest event in the views was at each look; 0 where all are there."""
    reached = [look.end - look.behind for look in looks]
    return ages([look.at for look in looks], [look.end for look in looks], reached)
