"""A process that asks for runs and keeps a synced log of what was sent and acknowledged.

    python -m tests.system.torture.simulation.load FOLDER SEED RUNS_PER_S SHAPES

It may be killed at any moment: the log says how far it was, and ``sent`` always precedes sending.
It ends when FOLDER/stop exists, after everything sent is acknowledged, and waits while
FOLDER/enough exists. FOLDER/bursts has a line ``SHAPE COUNT`` for each group of runs to ask for at
once.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

from confluent_kafka import KafkaError, Message, Producer

from runfold.events import topics
from runfold.stack.settings import Settings
from tests.system.torture.simulation.shapes import CODEC, request, shape_of

LOG = "load.log"
STOP = "stop"
ENOUGH = "enough"
BURSTS = "bursts"
_ACK_S = 60.0


class Asked(NamedTuple):
    """What the log says of the requests: those sent, and those the broker acknowledged."""

    sent: frozenset[str]
    acknowledged: frozenset[str]


def read_log(folder: Path) -> Asked:
    """Read the log; a last line that was cut off by a kill counts for nothing."""
    said: dict[str, set[str]] = {"sent": set(), "acked": set(), "burst": set()}
    for line in _whole_lines(folder / LOG):
        word, _, run_id = line.partition(" ")
        said[word].add(run_id)
    return Asked(frozenset(said["sent"]), frozenset(said["acked"]))


def _whole_lines(path: Path) -> Iterator[str]:
    if not path.exists():
        return
    for line in path.read_text().splitlines(keepends=True):
        if line.endswith("\n"):
            yield line.rstrip("\n")


class _Log:
    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        # What a kill cut off must not join the next line.
        if path.stat().st_size and not path.read_bytes().endswith(b"\n"):
            size = path.read_bytes().rfind(b"\n") + 1
            os.truncate(path, size)

    def say(self, *lines: str) -> None:
        os.write(self._file, "".join(f"{line}\n" for line in lines).encode())
        os.fsync(self._file)


def main(arguments: list[str]) -> int:
    """Ask until told to stop; 0 when all that was sent is acknowledged, 1 if not in time."""
    folder, seed, rate = Path(arguments[0]), arguments[1], float(arguments[2])
    log, acked = _Log(folder / LOG), list[str]()
    number = len(read_log(folder).sent)
    producer = Producer(
        {
            **Settings.from_env().producer_config(),
            "enable.idempotence": True,
            "message.timeout.ms": int(_ACK_S * 2000),
            "log_level": 0,
        }
    )

    def delivered(error: KafkaError | None, message: Message) -> None:
        key = message.key()
        if error is None and isinstance(key, bytes):
            acked.append(f"acked {key.decode()}")

    def ask(shape: str, number: int) -> None:
        asked = request(shape, number)
        log.say(f"sent {asked.run_id}", *_drained(acked))
        value = CODEC.encode(topics.REQUESTS, asked)
        producer.produce(topics.REQUESTS, value, asked.run_id.encode(), on_delivery=delivered)

    while not (folder / STOP).exists():
        choice = Random(f"{seed}/{number}")
        ask(shape_of(choice, arguments[3]), number)
        number += 1
        for index, shape, count in _bursts(folder):
            # Said before, so that a kill may lose some of a burst and doubles none.
            log.say(f"burst {index}")
            for _ in range(count):
                ask(shape, number)
                number += 1
        until = time.monotonic() + choice.expovariate(rate)
        while (left := until - time.monotonic()) > 0:
            producer.poll(min(left, 0.2))
        while (folder / ENOUGH).exists() and not (folder / STOP).exists():
            producer.poll(0.05)
    rest = producer.flush(_ACK_S)
    log.say(*_drained(acked))
    return 1 if rest else 0


def _bursts(folder: Path) -> list[tuple[int, str, int]]:
    """Return the bursts that were not begun yet: number, shape, how many runs."""
    lines = list(enumerate(_whole_lines(folder / BURSTS)))
    if not lines:
        return []
    begun = {line.removeprefix("burst ") for line in _whole_lines(folder / LOG)}
    new = [(index, line.split()) for index, line in lines if str(index) not in begun]
    return [(index, shape, int(count)) for index, (shape, count) in new]


def _drained(lines: list[str]) -> list[str]:
    taken = lines[:]
    del lines[: len(taken)]
    return taken


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
