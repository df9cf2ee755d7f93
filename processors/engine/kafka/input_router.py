"""The one thread of a process that assigns input partitions and hands their records to lanes.

Only this thread assigns, so no record of an old assignment can reach a new lane.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping

from confluent_kafka import KafkaException, Message, TopicPartition

from runfold.infra.process.stall import Place, Positions
from runfold.processors.engine.config import EngineConfig
from runfold.processors.engine.core.inputs import Headers, Received
from runfold.processors.engine.kafka.inbox import Inbox
from runfold.processors.engine.metrics import LAG
from runfold.producers.log.kafka_tail import consumer_of

logger = logging.getLogger(__name__)

_Given = dict[str, str | bytes | None] | list[tuple[str, str | bytes | None]]

_POLL_SECONDS = 0.02
_ANSWER_SECONDS = 10.0
_LOOK_SECONDS = 1.0


class InputRouter(threading.Thread):
    """Feeds inboxes from the input topics; pauses a partition whose inbox is long."""

    def __init__(self, config: EngineConfig, inputs: tuple[str, ...], group_id: str) -> None:
        super().__init__(name="dispatcher", daemon=True)
        self._config = config
        self._topics = inputs
        self._commands: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._inboxes: dict[int, Inbox] = {}
        self._paused: set[int] = set()
        self._starts: dict[Place, int] = {}
        self._reading: dict[Place, int] = {}
        self._looked = 0.0
        self._stopping = threading.Event()
        self.beat = time.monotonic()
        self._consumer = consumer_of(
            {},
            config.client(
                # Offsets are committed under this name for lag monitors only.
                group_id=group_id,
                isolation_level="read_committed",
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                fetch_queue_backoff_ms=5,
                fetch_wait_max_ms=200,
                fetch_message_max_bytes=2_000_000,
                queued_max_messages_kbytes=65_536,
            ),
        )

    def add(self, partition: int, inbox: Inbox, positions: Mapping[str, int]) -> None:
        """Feed a lane's inbox from these positions on, instead of any older inbox of it."""
        starts = [TopicPartition(t, partition, positions.get(t, 0)) for t in self._topics]
        self._do(lambda: self._assign(partition, inbox, starts))

    def drop(self, partition: int) -> None:
        """Feed a partition's lane no more; returns when it is so."""
        self._do(lambda: self._unassign(partition))

    def commit(self, partition: int, positions: Mapping[str, int]) -> None:
        """Show lag monitors how far the inputs are decided; returns at once."""
        shown = [TopicPartition(topic, partition, offset) for topic, offset in positions.items()]
        if shown:
            self._commands.put(lambda: self._show(shown))

    def reading(self) -> Positions:
        """Return how far the inputs that are wanted now were received, as of the last second."""
        # What this thread does not ask for, because it is busy or starved, has not stalled.
        late = time.monotonic() - self.beat > 2 * _LOOK_SECONDS
        return {} if late else self._reading

    def stop(self) -> None:
        """End the thread and let go of the connections."""
        self._stopping.set()
        if self.is_alive():
            self.join(_ANSWER_SECONDS)

    def run(self) -> None:
        """Poll, hand out, obey."""
        while not self._stopping.is_set():
            self.beat = time.monotonic()
            message = self._consumer.poll(_POLL_SECONDS)
            if message is not None:
                self._hand_out(message)
                for more in self._consumer.consume(500, 0):
                    self._hand_out(more)
            self._balance()
            self._note_positions()
            while not self._commands.empty():
                self._commands.get()()
        self._consumer.close()

    def _do(self, command: Callable[[], None]) -> None:
        if not self.is_alive():
            return
        done = threading.Event()

        def obey() -> None:
            try:
                command()
            finally:
                done.set()

        self._commands.put(obey)
        if not done.wait(_ANSWER_SECONDS):
            raise RuntimeError("the dispatcher of inputs does not answer; the process must restart")

    def _assign(self, partition: int, inbox: Inbox, starts: list[TopicPartition]) -> None:
        self._unassign(partition)
        self._inboxes[partition] = inbox
        self._starts.update({(start.topic, partition): start.offset for start in starts})
        self._consumer.incremental_assign(starts)

    def _unassign(self, partition: int) -> None:
        if self._inboxes.pop(partition, None) is not None:
            if partition in self._paused:
                # What is paused when it is taken away would be paused when it comes back.
                self._paused.discard(partition)
                self._consumer.resume(self._places(partition))
            self._consumer.incremental_unassign(self._places(partition))

    def _note_positions(self) -> None:
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        wanted = [p for n in self._inboxes if n not in self._paused for p in self._places(n)]
        self._reading = {
            (place.topic, place.partition): place.offset
            if place.offset >= 0
            else self._starts[place.topic, place.partition]
            for place in (self._consumer.position(wanted) if wanted else ())
        }

    def _show(self, positions: list[TopicPartition]) -> None:
        try:
            self._consumer.commit(offsets=positions, asynchronous=True)
            self._note_lag(positions)
        except KafkaException as error:
            logger.debug("positions not shown to lag monitors: %s", error)

    def _note_lag(self, positions: list[TopicPartition]) -> None:
        for place in positions:
            # The ends are those of the last fetch: asking the broker would hold up the inputs.
            ends: tuple[int, int] | None = self._consumer.get_watermark_offsets(place, cached=True)
            if ends is not None and ends[1] >= 0:
                LAG(place.topic, str(place.partition)).set(max(0, ends[1] - place.offset))

    def _places(self, partition: int) -> list[TopicPartition]:
        return [TopicPartition(topic, partition) for topic in self._topics]

    def _hand_out(self, message: Message) -> None:
        partition, offset = message.partition(), message.offset()
        error = message.error()
        if error is not None or partition is None or offset is None:
            logger.warning("inputs: %s", error.str() if error else "a record without a place")
            return
        inbox = self._inboxes.get(partition)
        if inbox is None:
            return
        inbox.put(
            Received(
                str(message.topic()),
                offset,
                _bytes(message.key()),
                _bytes(message.value()),
                _pairs(message.headers()),
                message.timestamp()[1],
            )
        )

    def _balance(self) -> None:
        """Pause a partition whose inbox is long; resume it when half of that is left."""
        for partition, inbox in self._inboxes.items():
            waiting = len(inbox)
            if partition in self._paused:
                if waiting < self._config.max_waiting // 2:
                    self._paused.discard(partition)
                    self._consumer.resume(self._places(partition))
            elif waiting > self._config.max_waiting:
                self._paused.add(partition)
                self._consumer.pause(self._places(partition))


def _pairs(headers: _Given | None) -> Headers:
    if not headers:
        return ()
    pairs = headers.items() if isinstance(headers, dict) else headers
    return tuple((name, _bytes(value)) for name, value in pairs)


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
