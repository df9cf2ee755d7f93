"""One process: its lanes, what they share, who owns what, and a watchdog.

A lane that is stuck, or ended by a bug, ends the process: being a member of a group says nothing
of a lane's life.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Sequence
from typing import Generic

from runfold.infra.process.stall import Positions
from runfold.infra.process.watchdog import EXIT_STUCK, Watchdog, end_process
from runfold.processors.engine.aggregate import S
from runfold.processors.engine.config import EngineConfig
from runfold.processors.engine.kafka.inputs.input_router import InputRouter
from runfold.processors.engine.kafka.lane import Lane
from runfold.processors.engine.kafka.lane_context import LaneContext, LaneState
from runfold.processors.engine.kafka.parker import Parker
from runfold.processors.engine.kafka.restoring.journal_watch import JournalWatch
from runfold.processors.engine.ports import Codec, DefinitionStore, EffectHost
from runfold.processors.engine.spec import AggregateSpec
from runfold.producers.log.membership import Membership
from runfold.producers.log.ownership.fixed import FixedOwnership
from runfold.producers.log.ownership.group import GroupOwnership
from runfold.producers.log.ownership.port import Ownership

logger = logging.getLogger(__name__)

EXIT_FENCED = 71
"""The exit code when another process keeps taking the partitions that this one was given."""

_POLL_SECONDS = 0.1
_FENCED_AGAIN_SECONDS = 60.0


class Engine(Generic[S]):
    """Runs one kind of aggregate on the partitions that are assigned to this process."""

    def __init__(
        self,
        config: EngineConfig,
        spec: AggregateSpec[S],
        codec: Codec,
        definitions: DefinitionStore,
        effects: EffectHost,
    ) -> None:
        self._config = config
        self._stopping = threading.Event()
        topics = spec.topics
        self._journal = topics.journal
        self._dispatcher = InputRouter(config, topics.inputs, spec.positions_group(config.app))
        self._parker = Parker(config, spec, codec)
        self._shared = LaneContext(
            config, spec, codec, definitions, effects, self._dispatcher, self._parker
        )
        self._lanes: dict[int, Lane[S]] = {}
        self._fenced: dict[int, float] = {}
        self._watchdog = Watchdog(config.stuck_after)
        self._ownership: Ownership
        if config.group is not None:
            self._ownership = GroupOwnership(
                config.kafka,
                Membership(
                    spec.owners_group(config.app),
                    topics.requests,
                    config.group.protocol,
                    config.group.session_timeout_ms,
                ),
            )
        else:
            fixed = config.fixed if config.fixed is not None else range(config.partitions)
            self._ownership = FixedOwnership(tuple(fixed))
        self.exit_code = 0

    def run(self) -> int:
        """Work until ``stop`` or SIGTERM, finish what is begun, and return the exit code.

        Ends the process at once, with EXIT_STUCK, where a lane is stuck or was ended by a bug.
        """
        # A process that runs an engine may have handlers of its own.
        alone = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        if alone and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, lambda *_: self.stop())
            signal.signal(signal.SIGINT, lambda *_: self.stop())
        self._dispatcher.start()
        self._parker.start()
        self._ownership.start(self._given, self._taken)
        while not self._stopping.is_set():
            self._watchdog.beat("giving and taking partitions")
            self._ownership.poll(_POLL_SECONDS)
            self._watch()
            self._reopen()
        logger.info("draining")
        self._watchdog.beat("draining")
        self._ownership.close()
        self._taken(tuple(self._lanes))
        self._dispatcher.stop()
        self._parker.stop()
        self._watchdog.off()
        logger.info("stopped", extra={"exit_code": self.exit_code})
        return self.exit_code

    def stop(self) -> None:
        """Ask ``run`` to drain and return."""
        self._stopping.set()

    def fail(self, why: str, code: int) -> None:
        """Ask ``run`` to drain and to return this code; from any thread."""
        logger.critical("the process ends: %s", why)
        self.exit_code = code
        self.stop()

    def reading(self) -> Positions:
        """Return how far the inputs that are read now were received."""
        return self._dispatcher.reading()

    def lanes(self) -> dict[int, LaneState]:
        """Return where each lane of this process stands."""
        return {partition: lane.state for partition, lane in self._lanes.copy().items()}

    def watch_journal(self, every_s: float = 5.0) -> JournalWatch:
        """Return what looks, once it is started, whether the lanes' journal is still whole."""
        return JournalWatch(self._config.kafka, self._journal, self._reaches, self._lost, every_s)

    def _reaches(self) -> dict[int, tuple[int, int]]:
        lanes = self._lanes.copy().items()
        return {n: lane.reach for n, lane in lanes if lane.state is LaneState.RUNNING}

    def _lost(self, partition: int, why: str) -> None:
        if (lane := self._lanes.get(partition)) is not None:
            lane.stop_for(why)

    def _given(self, partitions: Sequence[int]) -> None:
        for partition in partitions:
            self._start(partition)

    def _start(self, partition: int) -> None:
        lane = self._lanes[partition] = Lane(self._shared, partition)
        lane.start()

    def _taken(self, partitions: Sequence[int]) -> None:
        lanes = [lane for p in partitions if (lane := self._lanes.pop(p, None)) is not None]
        config = self._config
        grace = config.drain_calls if self._stopping.is_set() else 0.0
        for lane in lanes:
            lane.stop(grace)
        until = time.monotonic() + grace + config.drain_timeout - config.drain_calls
        for lane in lanes:
            while lane.is_alive() and time.monotonic() < until:
                # Calls may take longer to end than a step of a lane may.
                self._watchdog.beat("draining")
                lane.join(_POLL_SECONDS)
            if lane.is_alive():
                self._die(f"lane {lane.partition} did not end in time")

    def _watch(self) -> None:
        """End the process where waiting longer would help nobody."""
        limit = self._config.stuck_after
        for partition, lane in tuple(self._lanes.items()):
            if lane.stuck_for() > limit:
                self._die(f"lane {partition} is stuck in one step for more than {limit:.0f} s")
            if lane.state is LaneState.CRASHED:
                self._die(f"lane {partition} was ended by a bug: {lane.why}")
            if lane.state is LaneState.FENCED:
                self._note_fenced(partition, lane.why)
        if not self._dispatcher.is_alive():
            self._die("the dispatcher of inputs has ended")
        if time.monotonic() - self._dispatcher.beat > limit:
            self._die(f"the dispatcher of inputs is stuck for more than {limit:.0f} s")

    def _note_fenced(self, partition: int, why: str) -> None:
        """A fenced lane waits for a session time-out; a fixed one that is fenced again gives up."""
        del self._lanes[partition]
        now = time.monotonic()
        before = self._fenced.get(partition)
        logger.warning("lane fenced", extra={"partition": partition, "why": why})
        again = before is not None and now - before < _FENCED_AGAIN_SECONDS
        if again and self._config.group is None:
            logger.critical(
                "another process owns partition %d too: give each process partitions of its own",
                partition,
            )
            self.exit_code = EXIT_FENCED
            self.stop()
        self._fenced[partition] = now

    def _reopen(self) -> None:
        """Open fenced lanes again that are still assigned after a session time-out."""
        now = time.monotonic()
        for partition, since in self._fenced.items():
            due = now - since >= self._config.session_timeout
            if due and partition in self._ownership.assigned() and partition not in self._lanes:
                self._start(partition)

    def _die(self, why: str) -> None:
        end_process(why, EXIT_STUCK)
