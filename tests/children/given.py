"""Lanes of runs on one log in memory, where agents ask other agents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.base import Record
from runfold.events.calls import ModelResult, ModelWork
from runfold.events.definitions import AgentDefinition, Definitions, ModelChoice, ToolContract
from runfold.events.run import Event
from runfold.events.values import Limits
from runfold.processors.engine.memory import LostCommit, MemoryEngine, MemoryLog
from runfold.processors.run.aggregate import RUNS
from runfold.processors.run.replay.decisions import Difference, decisions, fold, redecide
from runfold.processors.run.state import RunState
from tests.deciders.given import RUN, agent, answer, call, request, tool
from tests.spec import START

CODEC = Codec(LockRegistry())
PARTITIONS = 3

GOAL = {"type": "object", "properties": {"goal": {"type": "string"}}, "required": ["goal"]}

Says = Callable[[ModelWork], ModelResult | None]
"""What a model answers to a piece of work; None leaves it out for good."""


def asks(of: str, **changes: Any) -> ToolContract:
    """The tool by which an agent asks another."""
    given: dict[str, Any] = {"input_schema": GOAL, "implementation": f"agent:{of}"}
    given |= {"risk_level": 0, "timeout_ms": 3_600_000}
    return tool(f"ask_{of}", **given | changes)


def named(name: str, *tools: str, **changes: Any) -> AgentDefinition:
    model = ModelChoice(name=f"scripted:{name}")
    return agent(name=name, tools=tools, model=model, **{"limits": Limits(), **changes})


def completes(work: ModelWork, summary: str = "done", **changes: Any) -> ModelResult:
    return said(work, call("complete_task", {"summary": summary}), **changes)


def said(work: ModelWork, *calls: Any, **changes: Any) -> ModelResult:
    of = {"run_id": work.run_id, "call_id": work.call_id, "attempt": work.attempt}
    return answer(*calls, **of | {"model": work.model} | changes)


@dataclass
class Known:
    """Definitions that never change."""

    rules: Definitions

    def current(self) -> Definitions:
        return self.rules

    def catch_up(self, timeout: float) -> Definitions:
        return self.rules


@dataclass
class World:
    """Every lane of runs; models answer what ``says`` answers for their agent."""

    says: dict[str, Says]
    log: MemoryLog
    lanes: list[MemoryEngine[RunState]] = field(default_factory=list)

    @classmethod
    def opened(cls, says: dict[str, Says], *given: AgentDefinition | ToolContract) -> World:
        known = Definitions()
        for number, each in enumerate(given):
            kind = "agent" if isinstance(each, AgentDefinition) else "tool"
            known = known.plus(kind, each.body(), number + 1)
        world = cls(says, MemoryLog(PARTITIONS))
        for number in range(PARTITIONS):
            lane = MemoryEngine(
                RUNS, CODEC, Known(known), world._work, START, log=world.log, partition=number
            )
            world.lanes.append(lane)
        return world

    def _work(self, work: Record) -> Record | None:
        assert isinstance(work, ModelWork), work
        return self.says[work.model.removeprefix("scripted:")](work)

    def ask(self, of: str, **changes: Any) -> None:
        self.put(topics.REQUESTS, request(agent=of, **changes))
        self.settle()

    def put(self, topic: str, record: Any) -> None:
        key = record.run_id
        place = topic, self.log.partition_of(topic, key.encode())
        ms = int(self.lanes[0].now.timestamp() * 1000)
        self.log.append(place, key, CODEC.encode(topic, record), (), ms)

    def settle(self) -> None:
        while sum(self._settle(lane) for lane in self.lanes):
            pass

    def _settle(self, lane: MemoryEngine[RunState]) -> bool:
        try:
            return lane.settle(1)
        except LostCommit:
            return True

    def pass_time(self, delta: timedelta) -> None:
        for lane in self.lanes:
            lane.now += delta
        self.settle()

    def restart(self) -> None:
        for lane in self.lanes:
            lane.restart()

    def events(self, run_id: str | None = None) -> list[Event]:
        found = []
        for lane in self.lanes:
            for entry in lane.entries(topics.EVENTS):
                record = CODEC.decode(topics.EVENTS, entry.value or b"")
                if isinstance(record, Event) and run_id in {None, record.meta.run_id}:
                    found.append(record)
        return found

    def facts(self, run_id: str | None = None) -> list[str]:
        return [each.type for each in self.events(run_id)]

    def children(self, run_id: str = RUN) -> list[str]:
        """The ids of the runs that a run asked for, in the order of its asking."""
        return [e.fact.request.run_id for e in self.events(run_id) if e.type == "ChildRunRequested"]

    def end(self, run_id: str = RUN) -> Any:
        return next((e.fact for e in self.events(run_id) if e.fact.traits.ends), None)

    def differences(self) -> list[Difference]:
        """Every decision of every run, made again from its journal alone."""
        rules = self.lanes[0]._definitions.current()
        found = []
        for run_id in {each.meta.run_id for each in self.events()}:
            state = None
            for decision in decisions(self.events(run_id)):
                if (difference := redecide(state, decision, rules)) is not None:
                    found.append(difference)
                state = fold(state, decision)
        return found

    def letters(self) -> list[Any]:
        found = [lane.entries(topics.DEAD_LETTERS) for lane in self.lanes]
        return [CODEC.decode(topics.DEAD_LETTERS, e.value or b"") for each in found for e in each]
