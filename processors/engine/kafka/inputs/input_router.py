"""The one thread of a process that assigns input partitions and hands their records to lanes.

Only this thread assigns, so no record of an old assignment can reach a new lane.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping

from runfold.processors.engine.config import EngineConfig
from runfold.processors.engine.core.inputs import Lost, Received, Unreadable
from runfold.processors.engine.kafka.inputs.detours import Detours
from runfold.processors.engine.kafka.inputs.inbox import Inbox
from runfold.processors.engine.metrics import LAG, LOST
from runfold.producers.errors import LogError, UnreadableError
from runfold.producers.log.changing import ChangingConsumer
from runfold.producers.log.consumers import LOUD
from runfold.producers.log.tail import Place, Positions, RawRecord, headers_in, place_of

logger = logging.getLogger(__name__)

_READ_AT_ONCE = 500
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
        self._detours = Detours(config, self._stopping)
        self._aside: set[Place] = set()
        self.beat = time.monotonic()
        # Offsets are committed under the group's name for lag monitors only.
        self._consumer = ChangingConsumer(
            config.client(),
            group_id,
            {
                **LOUD,
                "fetch.queue.backoff.ms": 5,
                "fetch.wait.max.ms": 200,
                "fetch.message.max.bytes": 2_000_000,
                "queued.max.messages.kbytes": 65_536,
            },
        )

    def add(self, partition: int, inbox: Inbox, positions: Mapping[str, int]) -> None:
        """Feed a lane's inbox from these positions on, instead of any older inbox of it."""
        starts = {(topic, partition): positions.get(topic, 0) for topic in self._topics}
        self._do(lambda: self._assign(partition, inbox, starts))

    def drop(self, partition: int) -> None:
        """Feed a partition's lane no more; returns when it is so."""
        self._do(lambda: self._unassign(partition))

    def commit(self, partition: int, positions: Mapping[str, int]) -> None:
        """Show lag monitors how far the inputs are decided; returns at once."""
        shown = {(topic, partition): positions.get(topic, 0) for topic in self._topics}
        if shown:
            self._commands.put(lambda: self._show(shown))

    def reading(self) -> Positions:
        """Return how far the inputs that are read now were received, as of the last second."""
        # What this thread does not ask for, because it is busy or starved, has not stalled.
        late = time.monotonic() - self.beat > 2 * _LOOK_SECONDS
        return {} if late else self._reading

    def stop(self) -> None:
        """End the thread and release the connections."""
        self._stopping.set()
        if self.is_alive():
            self.join(_ANSWER_SECONDS)

    def run(self) -> None:
        """Poll, hand out, obey."""
        while not self._stopping.is_set():
            self.beat = time.monotonic()
            portion = self._consumer.take(_READ_AT_ONCE, _POLL_SECONDS)
            for fault in portion.faults:
                logger.warning("inputs: %s", fault.str())
            for record in portion.records:
                self._hand_out(record)
            for broken in portion.unreadable.values():
                self._set_aside(broken)
            for place in portion.lost:
                self._begin_again(place)
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

    def _assign(self, partition: int, inbox: Inbox, starts: Positions) -> None:
        self._unassign(partition)
        self._inboxes[partition] = inbox
        self._starts.update(starts)
        self._consumer.add(starts)

    def _unassign(self, partition: int) -> None:
        if self._inboxes.pop(partition, None) is not None:
            if partition in self._paused:
                # What is paused when it is taken away would be paused when it comes back.
                self._paused.discard(partition)
                self._consumer.resume(self._places(partition))
            self._consumer.remove(self._places(partition))
            self._aside -= {(topic, partition) for topic in self._topics}

    def _set_aside(self, broken: UnreadableError) -> None:
        """Take a place away until it is known where the batch ends that nobody can read."""
        place, inbox = broken.place, self._inboxes.get(broken.place[1])
        if inbox is None or place in self._aside:
            return
        if place[1] in self._paused:
            self._consumer.resume([place])
        self._consumer.remove([place])
        self._aside.add(place)
        self._detours.find(
            broken, lambda end: self._commands.put(lambda: self._pass_by(broken, end, inbox))
        )

    def _begin_again(self, place: Place) -> None:
        """Let a lane hold its positions against the topic of now: one is not there any more."""
        inbox = self._inboxes.get(place[1])
        if inbox is None or place in self._aside:
            return
        LOST().inc()
        why = f"{place[0]}/{place[1]} does not have the offset that is next"
        logger.critical("inputs: %s: it was deleted, or the topic was cut or created again", why)
        inbox.put(Lost(why))

    def _pass_by(self, broken: UnreadableError, end: int, inbox: Inbox) -> None:
        """Go on behind a batch; its lane puts on record what was passed by."""
        place = topic, partition = broken.place
        if self._inboxes.get(partition) is not inbox:
            # The next inbox begins where its lane says, and comes to the batch by itself.
            return
        first = max(broken.offset, self._starts[place])
        if end > first:
            reason = f"the offsets {first} to {end - 1} cannot be read: {broken.reason}"
            inbox.put(Unreadable(topic, first, None, None, (), 0, end, reason))
        self._aside.discard(place)
        self._consumer.add({place: max(first, end)})
        if partition in self._paused:
            self._consumer.pause([place])

    def _note_positions(self) -> None:
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        due = [p for n in self._inboxes if n not in self._paused for p in self._places(n)]
        self._reading = {
            place: at if at >= 0 else self._starts[place]
            for place, at in self._consumer.positions(due).items()
        }

    def _show(self, positions: Positions) -> None:
        try:
            self._consumer.commit(positions)
        except LogError as error:
            logger.debug("positions not shown to lag monitors: %s", error)
            return
        for place, end in self._consumer.known_ends(positions).items():
            LAG(place[0], str(place[1])).set(max(0, end - positions[place]))

    def _places(self, partition: int) -> list[Place]:
        """Return what is read of a partition now."""
        places = [(topic, partition) for topic in self._topics]
        return [place for place in places if place not in self._aside]

    def _hand_out(self, record: RawRecord) -> None:
        topic, partition = place_of(record)
        inbox = self._inboxes.get(partition)
        if inbox is None:
            return
        inbox.put(
            Received(
                topic,
                record.offset() or 0,
                record.key(),
                record.value(),
                headers_in(record),
                record.timestamp()[1],
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
