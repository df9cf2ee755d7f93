"""A lane: one thread that owns one partition.

    opening ──▶ running ──▶ stopped (asked to)
       ▲           │ LaneFault: forget everything, wait a little
       └───────────┤
                   ├──▶ fenced  (another owner: never opened again by itself)
                   ├──▶ broken  (the journal contradicts itself, or cannot be read: for good)
                   └──▶ crashed (a bug, or a client that hangs: the process must restart)

Each turn, in this order:
1. take what is there: records, results from memory, due timers; never linger
2. fold and decide each against state that is not yet committed
3. begin, produce the events and what goes with them, commit
4. only now believe it: adopt the new state, hand out the local work
5. a fault at any step: forget the producer and the state, make a new producer, restore
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Generic

from runfold.events.errors import RegistryError
from runfold.events.values import Placement
from runfold.infra.process.failpoints import failpoint
from runfold.processors.engine.aggregate import S
from runfold.processors.engine.core.batch import CATCH_UP_SECONDS, BatchDecider
from runfold.processors.engine.core.history import BrokenChain
from runfold.processors.engine.core.inputs import Input, Lost, NotDone, Received, Returned
from runfold.processors.engine.core.parked_copy import ParkedCopy, sleepers
from runfold.processors.engine.core.partition_state import PartitionState
from runfold.processors.engine.core.timers import Timers
from runfold.processors.engine.faults import Fenced, LaneFault
from runfold.processors.engine.kafka.inputs.inbox import Inbox
from runfold.processors.engine.kafka.lane_clock import LaneClock
from runfold.processors.engine.kafka.lane_context import LaneContext, LaneState
from runfold.processors.engine.kafka.local_work import LocalWork
from runfold.processors.engine.kafka.maintenance import Maintenance
from runfold.processors.engine.kafka.restoring.restore import Restore
from runfold.processors.engine.kafka.restoring.whole import need_end, starts_behind
from runfold.processors.engine.kafka.transaction import Transactions
from runfold.processors.engine.metrics import LaneMetrics
from runfold.producers.errors import UnreadableError
from runfold.producers.log.partitioner import partition_for

logger = logging.getLogger(__name__)

_PAUSE_SECONDS = 0.2


class Lane(threading.Thread, Generic[S]):
    """Runs one partition until something ends it; ``state`` shows how."""

    def __init__(self, shared: LaneContext[S], partition: int) -> None:
        super().__init__(name=f"lane-{partition}", daemon=True)
        self.partition = partition
        self.state = LaneState.OPENING
        self.why = ""
        self._shared = shared
        self._config = shared.config
        self._stopping = threading.Event()
        self._inbox = Inbox()
        self._busy_since: float | None = None
        self._metrics = LaneMetrics(partition, shared.spec.label)
        self._clock = LaneClock(partition, self._metrics)
        self._counts = {shared.spec.topics.requests: shared.config.partitions}
        self._fold = BatchDecider(
            shared.spec,
            shared.codec,
            shared.definitions,
            partition,
            lambda topic, key: partition_for(key, self._counts[topic]),
        )
        self._writer: Transactions
        self._partition_state: PartitionState[S]
        self._timers: Timers
        self._upkeep: Maintenance[S]
        self._copies: list[ParkedCopy] = []
        self._parking = self._drain_until = 0.0
        self._work: LocalWork[S]
        self.reach = (0, 0)

    def stop(self, grace: float = 0.0) -> None:
        """Ask the lane to finish its batch and end; join it afterwards.

        For ``grace`` seconds it takes the results of the calls that are out, and begins none.
        """
        self._drain_until = time.monotonic() + grace
        self._stopping.set()
        self._inbox.wake()

    def stop_for(self, why: str) -> None:
        """Have the lane stop for good, since its journal is not what it was; from any thread."""
        self._inbox.put(Lost(why, for_good=True))

    def stuck_for(self) -> float:
        """Return the seconds since the current step began; 0 while the lane waits for input."""
        since = self._busy_since
        return 0.0 if since is None else time.monotonic() - since

    def run(self) -> None:
        """Open, turn, and begin again after a fault, until something ends the lane."""
        while not self._stopping.is_set():
            try:
                self._open()
                self._turn_until_stopped()
                self._drain()
            except (LaneFault, RegistryError) as fault:
                self._metrics.faults.inc()
                logger.warning("lane %d begins again from the log: %s", self.partition, fault)
            except Fenced as fenced:
                self._metrics.fenced.inc()
                self._end(LaneState.FENCED, str(fenced))
                return
            except (BrokenChain, UnreadableError) as broken:
                logger.critical("lane stopped: %s", broken, extra={"partition": self.partition})
                self._end(LaneState.BROKEN, str(broken))
                return
            except Exception as bug:
                logger.exception("lane stopped by a bug", extra={"partition": self.partition})
                self._end(LaneState.CRASHED, f"{type(bug).__name__}: {bug}")
                return
            self._shut()
            self._stopping.wait(_PAUSE_SECONDS)
        self._end(LaneState.STOPPED, "")

    def _end(self, state: LaneState, why: str) -> None:
        self._shut()
        self.why, self._busy_since = why, None
        self.state = state

    def _shut(self) -> None:
        """Let nothing of this incarnation reach the next: inbox, state and producer."""
        self._inbox.close()
        self._shared.dispatcher.drop(self.partition)
        self._copies = []
        for name in ("_writer", "_partition_state", "_timers", "_upkeep", "_work"):
            self.__dict__.pop(name, None)

    def _beat(self) -> None:
        self._busy_since = time.monotonic()

    def _open(self) -> None:
        self._beat()
        self.state, began = LaneState.OPENING, time.monotonic()
        config, shared = self._config, self._shared
        self._writer = Transactions(
            config,
            shared.spec.transactional_id(config.app, self.partition),
            shared.spec.topics.journal,
            self.partition,
        )
        self._counts |= self._writer.partition_counts(shared.spec.sends_to)
        self._beat()
        restore = Restore(config, shared.spec, shared.codec, self.partition, self._beat)
        self._partition_state = restore.partition_state()
        self._metrics.restore_seconds.set(time.monotonic() - began)
        # What is due was set by times on record: from there time goes on.
        self._clock.not_before(self._partition_state.newest())
        self._timers = Timers()
        for key, live in self._partition_state.live.items():
            self._timers.put(key, live.timer)
        self._upkeep = Maintenance(
            config, shared.spec, shared.codec, self.partition, time.monotonic()
        )
        self._inbox = Inbox()
        self._work = LocalWork(shared.effects, shared.spec, self._inbox, self._partition_state)
        starts = starts_behind(self._partition_state.positions, restore.gone, self._inbox)
        shared.dispatcher.add(self.partition, self._inbox, starts)
        self._reopen_work()
        self.state = LaneState.RUNNING
        logger.info("lane open", extra={"partition": self.partition})

    def _reopen_work(self) -> None:
        # What another process began may use what was published a moment ago.
        definitions = self._shared.definitions.catch_up(CATCH_UP_SECONDS)
        again = [
            work.record
            for live in self._partition_state.live.values()
            for work in self._shared.spec.aggregate.reopen(live.state, definitions)
            if work.placement is Placement.LOCAL
        ]
        self._work.hand_out(again)

    def _turn_until_stopped(self) -> None:
        tidy_at = time.monotonic() + self._config.tidy_every
        while not self._stopping.is_set():
            inputs = self._gather(tidy_at)
            self._beat()
            if inputs:
                self._step(inputs)
            if time.monotonic() >= tidy_at or self._copies:
                self._tidy()
                tidy_at = time.monotonic() + self._config.tidy_every
            self._busy_since = None

    def _gather(self, tidy_at: float) -> list[Input]:
        """Step 1: wait until there is something to do, and take what is there."""
        wait = max(0.0, tidy_at - time.monotonic())
        left = self._timers.seconds_left(self._clock.now())
        wait = wait if left is None else min(wait, left)
        config, inputs = self._config, list[Input | NotDone]()
        out = self._work.out
        for item in self._inbox.take(wait, config.max_batch, config.max_batch_bytes, out):
            if isinstance(item, ParkedCopy):
                self._copies.append(item)
            elif isinstance(item, Lost):
                raise (BrokenChain if item.for_good else LaneFault)(item.why)
            else:
                inputs.append(item)
        return [
            *self._work.take_back(inputs),
            *self._timers.due(self._clock.now(), config.max_batch),
        ]

    def _step(self, inputs: Sequence[Input]) -> None:
        """Steps 2 to 4 for one batch."""
        now, before = self._clock.now(), self._partition_state
        outcome = self._fold.take(inputs, before, now)
        self._metrics.told.inc(outcome.told)
        if not outcome.writes:
            outcome.pass_by(self._partition_state)
            self._upkeep.passed(len(inputs), time.monotonic())
        else:
            began = time.monotonic()
            self._work.deciding(outcome.changed)
            first = self._writer.write(outcome.messages())
            need_end(self._shared.spec.topics.journal, self.partition, first, before.end)
            self._metrics.transaction_seconds.observe(time.monotonic() - began)
            outcome.adopt(self._partition_state, first, int(now.timestamp() * 1000))
            self._work.decided()
            if first is not None:
                self._upkeep.noted()
            failpoint("lane.after_adopt")
            for key, after in outcome.changed.items():
                self._timers.put(key, after.timer if after is not None else None)
            if not self._stopping.is_set():
                # What a stopping lane leaves is handed out once, by the next owner.
                self._work.hand_out(outcome.local)
            failpoint("lane.after_handout")
            self._metrics.count(len(inputs), len(outcome.events) - outcome.noted, outcome.dead)
        for item in inputs:
            if isinstance(item, Received) and item.topic == self._shared.spec.topics.requests:
                self._clock.arrived(item.time_ms)

    def _drain(self) -> None:
        """Let calls that are out come home, so that the next owner need not make them again."""
        self._shared.dispatcher.drop(self.partition)
        self._work.withdraw()
        while self._work.out > 0 and (left := self._drain_until - time.monotonic()) > 0:
            waiting = self._inbox.take(left, self._config.max_batch, self._config.max_batch_bytes)
            self._beat()
            home = [item for item in waiting if isinstance(item, Returned | NotDone)]
            self._step(self._work.take_back(home))
            self._busy_since = None

    def _tidy(self) -> None:
        """Write what is due besides decisions, and forget what is no longer needed."""
        state, clock, now = self._partition_state, time.monotonic(), self._clock.now()
        copies, messages = self._upkeep.park(self._copies, state, now)
        self._copies = []
        if self._upkeep.must_note(clock):
            messages.append(self._fold.note(state.progress, "inputs needed no event", now))
            self._upkeep.noted()
        hint = self._upkeep.hint(state, clock, now)
        if hint is not None:
            messages.append(hint)
        if messages:
            failpoint("lane.before_tidy")
            first = self._writer.write(messages)
            failpoint("lane.after_tidy")
            self._upkeep.adopt(copies, state)
            if first is not None:
                state.end, state.unnoted = first + 1, False
        self._ask_for_copies(clock, now)
        self._upkeep.forget(state, self._clock.newest_request_ms, now)
        self.reach = state.restore_offset(), state.end
        self._shared.dispatcher.commit(self.partition, state.positions)
        self._metrics.live.set(len(state.live))
        if (measure := self._shared.spec.measure) is not None:
            measure(self.partition, (each.state for each in state.live.values()))
        self._metrics.waiting.set(len(self._inbox))
        self._clock.look()

    def _ask_for_copies(self, clock: float, now: datetime) -> None:
        """Have what sleeps copied, one round at a time; a lost round is asked for again."""
        if clock < self._parking:
            return
        idle = timedelta(seconds=self._config.park_after)
        found = sleepers(self._partition_state, now, idle, self._config.park_stride)
        if found:
            self._parking = clock + max(1.0, self._config.park_after / 4)
            self._shared.parker.ask(self.partition, found, self._inbox.put)
