"""A process that plays the people: approves late, denies, edits, pauses, cancels, settles doubt.

    python -m tests.system.torture.simulation.people FOLDER SEED LATEST_S

What is done to a run follows from its number and the seed, and every request id from the run. So
after a kill it reads the journal from its beginning and says everything again.
"""

from __future__ import annotations

import heapq
import itertools
import signal
import sys
import time
from pathlib import Path
from random import Random

from confluent_kafka import Consumer, Producer, TopicPartition

from runfold.events import topics
from runfold.events.catalogue import TERMINAL_FACTS
from runfold.events.contents.content import json_content, text
from runfold.events.errors import WireError
from runfold.events.records import commands
from runfold.events.run import (
    ApprovalRequested,
    Event,
    RunCreated,
    ToolCallProposed,
    ToolCallStarted,
    ToolCallUncertain,
    UserMessageReceived,
)
from runfold.stack.settings import Settings
from tests.system.torture.simulation.ledger import Ledger
from tests.system.torture.simulation.shapes import CODEC, REGRETTED
from tests.system.torture.simulation.steering import Said, Steering, control

LEDGER = "ledger.sqlite"
FROZEN = "frozen"
"""While this file exists a tool may still act: nobody can say that it did not."""

_DOUBT_S = 4.0
_REGRETTED = 0.7


class People:
    """Hears the journal and says what is due."""

    def __init__(self, settings: Settings, folder: Path, seed: str, latest_s: float) -> None:
        self._folder = folder
        self._seed = seed
        self._latest_s = latest_s
        self._steering = Steering(self._choice, latest_s)
        self._ledger = Ledger(folder / LEDGER)
        self._keys: dict[str, str] = {}
        self._numbers: dict[str, str] = {}
        self._meddled: set[str] = set()
        self._ended: set[str] = set()
        self._order = itertools.count()
        self._due: list[tuple[float, int, commands.Control]] = []
        self._doubts: dict[str, tuple[float, Event, ToolCallUncertain]] = {}
        self._frozen_at = 0.0
        kafka = {**settings.kafka_config(), "log_level": 0}
        self._producer = Producer(
            {**kafka, "enable.idempotence": True, "partitioner": "murmur2_random"}
        )
        self._consumer = Consumer(
            {
                **kafka,
                "group.id": "people",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "fetch.queue.backoff.ms": 50,
            }
        )
        self._consumer.assign(
            [TopicPartition(topics.EVENTS, number, 0) for number in range(settings.partitions)]
        )

    def turn(self) -> None:
        """Hear what there is, say what is due."""
        for message in self._consumer.consume(500, 0.1):
            if message.error() is not None:
                continue
            try:
                record = CODEC.decode(topics.EVENTS, message.value())
            except WireError:
                continue
            if isinstance(record, Event):
                self._hear(record)
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            self._say(heapq.heappop(self._due)[2])
        self._settle(now)
        self._producer.poll(0)

    def close(self) -> None:
        """Let what was said arrive."""
        self._producer.flush(10)
        self._consumer.close()

    def _hear(self, event: Event) -> None:
        run_id, fact = event.meta.run_id, event.fact
        steered = self._steering.hears(event)
        if steered:
            for said in self._steering.said(event):
                self._put(event, said)
        if isinstance(fact, TERMINAL_FACTS):
            self._ended.add(run_id)
        elif isinstance(fact, RunCreated):
            self._numbers[run_id] = fact.request.agent
        elif isinstance(fact, UserMessageReceived):
            self._meddle(event, fact)
        elif isinstance(fact, ToolCallProposed):
            self._keys[fact.call_id] = fact.idempotency_key
        elif isinstance(fact, ToolCallStarted):
            self._regret(event)
        elif isinstance(fact, ApprovalRequested) and not steered:
            self._decide(event, fact)
        elif isinstance(fact, ToolCallUncertain):
            self._doubts[fact.call_id] = (time.monotonic(), event, fact)

    def _choice(self, *about: str) -> Random:
        return Random("/".join((self._seed, *about)))

    def _decide(self, event: Event, fact: ApprovalRequested) -> None:
        choice = self._choice("approval", fact.call_id.rpartition(".")[2], event.meta.run_id)
        verdict, late = choice.random(), choice.random() * self._latest_s
        if verdict < 0.1:
            self._plan(
                late, event, commands.DenyToolCall, fact.call_id, call_id=fact.call_id, reason="no"
            )
            return
        edited = json_content({"text": "edited"}) if verdict < 0.2 else None
        self._plan(
            late,
            event,
            commands.ApproveToolCall,
            fact.call_id,
            call_id=fact.call_id,
            arguments=edited,
        )

    def _meddle(self, event: Event, fact: UserMessageReceived) -> None:
        run_id = event.meta.run_id
        if self._numbers.get(run_id) != "torture-meddled" or run_id in self._meddled:
            return
        self._meddled.add(run_id)
        choice = self._choice("meddle", run_id)
        at = choice.random()
        match choice.randrange(4):
            case 0:
                self._plan(at, event, commands.CancelRun, "cancel", reason="enough")
            case 1:
                self._plan(at, event, commands.PauseRun, "pause", reason="lunch")
                self._plan(at + 1, event, commands.ResumeRun, "resume", reason="back")
            case 2:
                self._plan(at, event, commands.SendMessage, "message", content=text("look there"))
            case _:
                self._plan(at, event, commands.EditInstructions, "edit", content=text("be brief"))

    def _regret(self, event: Event) -> None:
        """Cancel most of the runs whose call is queued, at any moment of its waiting."""
        run_id = event.meta.run_id
        if self._numbers.get(run_id) not in REGRETTED or run_id in self._meddled:
            return
        self._meddled.add(run_id)
        choice = self._choice("regret", run_id)
        if choice.random() < _REGRETTED:
            late = choice.random() * self._latest_s
            self._plan(late, event, commands.CancelRun, "cancel", reason="not any more")

    def _settle(self, now: float) -> None:
        """Look into the ledger where somebody must know, once no frozen tool can act any more."""
        if (self._folder / FROZEN).exists():
            self._frozen_at = now
        for call_id, (since, event, fact) in tuple(self._doubts.items()):
            if now - max(since, self._frozen_at) < _DOUBT_S:
                continue
            del self._doubts[call_id]
            happened = self._ledger.acted(self._keys[call_id]) > 0
            how = commands.Resolution.HAPPENED if happened else commands.Resolution.DID_NOT_HAPPEN
            self._plan(
                0,
                event,
                commands.ResolveToolCall,
                f"{call_id}/{fact.attempt}",
                call_id=call_id,
                resolution=how,
                result=json_content("says the ledger") if happened else None,
            )

    def _plan(
        self, late: float, event: Event, kind: type[commands.Control], about: str, **said: object
    ) -> None:
        self._put(event, Said(late, kind, about, said))

    def _put(self, event: Event, said: Said) -> None:
        due = time.monotonic() + said.late
        heapq.heappush(self._due, (due, next(self._order), control(event, said)))

    def _say(self, control: commands.Control) -> None:
        # A run that has ended already recorded what it was told before.
        if control.run_id not in self._ended:
            value = CODEC.encode(topics.CONTROLS, control)
            self._producer.produce(topics.CONTROLS, value, control.run_id.encode())


def main(arguments: list[str]) -> int:
    """Play until SIGTERM."""
    people = People(Settings.from_env(), Path(arguments[0]), arguments[1], float(arguments[2]))
    going = [True]
    signal.signal(signal.SIGTERM, lambda *_: going.clear())
    while going:
        people.turn()
    people.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
