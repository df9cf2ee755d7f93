"""``python -m benchmarks.overlapping``: what a second producer of a lane could give, at most.

Steps of a lane on one partition, without a lane: a decision that takes so much processor time,
some records, a commit. By turns with one producer, and with two of which one decides, produces and
flushes while the commit of the other is in flight. A commit is asked for only when the one before
it is answered: its events build upon those. Prints the medians of ratios between neighbouring
turns, which the rest of the machine disturbs least.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from benchmarks.bench import running
from benchmarks.machine import Processes
from benchmarks.workload import prose
from runfold.stack.settings import Settings

_TOPIC = "overlapping"
_SECONDS = 30.0
_BYTES = 460
_LANE = {"linger.ms": 5, "compression.type": "lz4", "socket.nagle.disable": True, "log_level": 0}


@dataclass(frozen=True, slots=True)
class Turn:
    """Steps a second, and processor milliseconds a step of this process and of the broker."""

    steps_per_s: float
    cpu_ms: float


class Lane:
    """Steps on one partition, by one producer or by two in turn."""

    def __init__(self, settings: Settings) -> None:
        """Make the producers; two of one id would fence each other, so each has its own."""
        kafka = settings.kafka_config()
        self._processes = Processes(settings)
        self._producers = [
            Producer({**kafka, **_LANE, "transactional.id": f"overlapping-{number}"})
            for number in range(2)
        ]
        for producer in self._producers:
            producer.init_transactions(_SECONDS)
        self._thread = ThreadPoolExecutor(1)
        chance = random.Random(7)
        self._values = [
            (prose(str(n)) * 5).encode()[: _BYTES - 64] + chance.randbytes(64) for n in range(1000)
        ]

    def turn(self, producers: int, steps: int, records: int, decide_s: float) -> Turn:
        """Make so many steps of so many records."""
        began, before = time.perf_counter(), self._cpu_s()
        committing: Future[None] | None = None
        for number in range(steps):
            producer = self._producers[number % producers]
            _decide(decide_s)
            producer.begin_transaction()
            for at in range(records):
                value = self._values[(number * records + at) % len(self._values)]
                producer.produce(_TOPIC, value, b"run", 0)
            if producers == 1:
                producer.commit_transaction(_SECONDS)
                continue
            producer.flush(_SECONDS)
            if committing is not None:
                committing.result()
            committing = self._thread.submit(producer.commit_transaction, _SECONDS)
        if committing is not None:
            committing.result()
        took, used = time.perf_counter() - began, self._cpu_s() - before
        return Turn(steps / took, used / steps * 1000)

    def _cpu_s(self) -> float:
        return time.process_time() + self._processes.cpu_seconds()["kafka"]


def _decide(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def measure(
    settings: Settings, rounds: int, steps: int, loads: Sequence[tuple[int, float]]
) -> None:
    """Print what each load came to; a load is records a step and seconds a decision takes."""
    admin = AdminClient({**settings.kafka_config(), "log_level": 0})
    made = admin.create_topics([NewTopic(_TOPIC, num_partitions=1, replication_factor=1)])
    made[_TOPIC].result(_SECONDS)
    lane = Lane(settings)
    for records, decide_s in loads:
        lane.turn(1, steps, records, decide_s)
        lane.turn(2, steps, records, decide_s)
        pairs = [
            (lane.turn(1, steps, records, decide_s), lane.turn(2, steps, records, decide_s))
            for _ in range(rounds)
        ]
        faster = statistics.median(two.steps_per_s / one.steps_per_s for one, two in pairs)
        dearer = statistics.median(two.cpu_ms / one.cpu_ms for one, two in pairs)
        alone = statistics.median(one.steps_per_s for one, _ in pairs)
        cpu = statistics.median(one.cpu_ms for one, _ in pairs)
        print(
            f"{records:4} records, {decide_s * 1000:4.1f} ms a decision: one producer"
            f" {alone:5.0f} steps/s at {cpu:5.2f} CPU ms a step;"
            f" two: {faster:4.2f} times the steps, {dearer:4.2f} times the CPU",
            flush=True,
        )


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; 0 when it was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="turns each way")
    parser.add_argument("--steps", type=int, default=100, help="steps a turn")
    chosen = parser.parse_args(arguments)
    loads = ((5, 0.0), (5, 0.0004), (25, 0.002), (100, 0.008), (400, 0.032))
    with tempfile.TemporaryDirectory(prefix="runfold-overlapping-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        with running(home, ()) as settings:
            measure(settings, chosen.rounds, chosen.steps, loads)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
