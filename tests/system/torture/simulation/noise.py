"""A process that says again what others said, out of order, and poisons every input topic.

    python -m tests.system.torture.simulation.noise SEED REPEATED POISON

``REPEATED`` and ``POISON`` are shares of what is read. What it publishes carries the header
``torture`` with ``again`` or ``poison``, which the product passes by and the oracle reads.
"""

from __future__ import annotations

import heapq
import itertools
import os
import signal
import sys
import time
from datetime import UTC, datetime
from random import Random
from typing import Any, NamedTuple

from confluent_kafka import OFFSET_END, Consumer, Message, Producer, TopicPartition

from runfold.events import topics
from runfold.events.records.commands import PauseRun
from runfold.events.topics import MAX_INPUT_BYTES, MAX_RECORD_BYTES
from runfold.producers.identity import uuid7
from runfold.producers.log.tail import headers_in
from runfold.stack.settings import Settings
from tests.system.torture.simulation.shapes import CODEC, TENANT, request

HEADER = "torture"
AGAIN, POISON = b"again", b"poison"
INPUTS = (topics.REQUESTS, topics.CONTROLS, topics.RESULTS)
HEARD = (*INPUTS, topics.TENANT_REQUESTS)
"""What is said again, with the headers that it had; of these, ``INPUTS`` are poisoned as well."""

_LATEST_S = 12.0
_OVERSIZED = 0.02
_UNKNOWN_SCHEMA = 2_000_000_000


def poison(topic: str, choice: Random) -> tuple[bytes | None, bytes | None]:
    """A key and a value that nobody can use on a topic."""
    key = uuid7().encode()
    whole = _whole(topic, key.decode())
    unknown = b"\0" + _UNKNOWN_SCHEMA.to_bytes(4, "big") + b"body"
    stranger = request("straight", 0).model_copy(update={"run_id": "not-a-uuid"})
    found: list[tuple[bytes | None, bytes | None]] = [
        (key, os.urandom(choice.randrange(1, 200))),
        (key, None),
        (key, b""),
        (key, unknown),
        (key, whole[: choice.randrange(6, 20)]),
        (b"\xff\xfe", whole),
        (uuid7().encode(), whole),
    ]
    if topic == topics.REQUESTS:
        found.append((b"not-a-uuid", CODEC.encode(topics.REQUESTS, stranger)))
    if choice.random() < _OVERSIZED:
        return key, b"\0" * (MAX_INPUT_BYTES + 1)
    return choice.choice(found)


def _whole(topic: str, run_id: str) -> bytes:
    if topic == topics.REQUESTS:
        asked = request("straight", 0).model_copy(update={"run_id": run_id})
        return CODEC.encode(topics.REQUESTS, asked)
    control = PauseRun(
        request_id="noise",
        run_id=run_id,
        tenant_id=TENANT,
        actor_id="noise",
        requested_at=datetime.now(UTC),
    )
    # A control is of no use on the topic of results either.
    return CODEC.encode(topics.CONTROLS, control)


class Said(NamedTuple):
    """A record as it was said."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, Any], ...] = ()


class Noise:
    """Reads all inputs and adds to them."""

    def __init__(self, settings: Settings, seed: str, again: float, poisoned: float) -> None:
        self._again = again
        self._poisoned = poisoned
        self._choice = Random(seed)
        self._order = itertools.count()
        self._due: list[tuple[float, int, str, Said]] = []
        kafka = {**settings.kafka_config(), "log_level": 0}
        self._producer = Producer(
            {
                **kafka,
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "message.max.bytes": MAX_RECORD_BYTES,
            }
        )
        self._consumer = Consumer(
            {**kafka, "group.id": "noise", "auto.offset.reset": "earliest"},
        )
        self._consumer.assign(
            [
                TopicPartition(topic, number, OFFSET_END)
                for topic in HEARD
                for number in range(settings.partitions)
            ]
        )

    def turn(self) -> None:
        """Read, remember, and say again what is due."""
        for message in self._consumer.consume(500, 0.1):
            if message.error() is None and HEADER not in dict(message.headers() or ()):
                self._hear(message)
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            _, _, topic, said = heapq.heappop(self._due)
            self._say(topic, said, AGAIN)
        self._producer.poll(0)

    def close(self) -> None:
        """Let what was said arrive."""
        self._producer.flush(10)
        self._consumer.close()

    def _hear(self, message: Message) -> None:
        topic = str(message.topic())
        said = Said(message.key(), message.value(), tuple(headers_in(message)))
        while self._choice.random() < self._again:
            at = time.monotonic() + self._choice.random() ** 2 * _LATEST_S
            heapq.heappush(self._due, (at, next(self._order), topic, said))
        if topic in INPUTS and self._choice.random() < self._poisoned:
            self._say(topic, Said(*poison(topic, self._choice)), POISON)

    def _say(self, topic: str, said: Said, kind: bytes) -> None:
        # A message between aggregates is known by its header, also where it comes again.
        named = [*said.headers, (HEADER, kind)]
        self._producer.produce(topic, said.value, said.key, headers=named)


def main(arguments: list[str]) -> int:
    """Make noise until SIGTERM."""
    noise = Noise(Settings.from_env(), arguments[0], float(arguments[1]), float(arguments[2]))
    going = [True]
    signal.signal(signal.SIGTERM, lambda *_: going.clear())
    while going:
        noise.turn()
    noise.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
