"""Lanes of runs and of tenants on one log in memory, and the policies that the tests speak of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.avro.vocabulary import TENANTS as TENANT_RECORDS
from runfold.events.base import Fact, Record
from runfold.events.calls import ModelResult, ModelWork
from runfold.events.definitions import AgentDefinition, Definitions, TenantPolicy
from runfold.events.records.commands import CancelRun, Control, DenyExtension, ExtendRun
from runfold.events.records.operations import DeadLetter
from runfold.events.run import Event, ExtensionRequested
from runfold.events.tenant import Amount, TenantEvent
from runfold.events.values import Limits
from runfold.processors.engine.memory import LostCommit, MemoryEngine, MemoryLog
from runfold.processors.run.aggregate import RUNS
from runfold.processors.run.lifecycle.extending import asked_of_tenant
from runfold.processors.run.state import Live, RunState
from runfold.processors.tenant.aggregate import TENANTS
from runfold.processors.tenant.state import Tenant
from tests.deciders.given import TENANT, agent, answer, done, model_error, request
from tests.spec import START

CODEC = Codec(LockRegistry())
TENANT_CODEC = Codec(LockRegistry(), TENANT_RECORDS)
PARTITIONS = 2

F = TypeVar("F", bound=Fact)


def policy(version: str = "1.0", **given: Any) -> TenantPolicy:
    return TenantPolicy.model_validate({"name": "default", "version": version, **given})


def capped(running: int, **more: Any) -> TenantPolicy:
    return policy(caps=({"of": "tenant", "running": running},), **more)


def run_id(number: int, at: datetime = START) -> str:
    """The id of a run that is asked for at this time."""
    millis = f"{int(at.timestamp() * 1000):012x}"
    return f"{millis[:8]}-{millis[8:]}-7000-8000-{number:012x}"


class Current:
    """Definitions that are replaced under the lanes."""

    def __init__(self, *given: AgentDefinition | TenantPolicy) -> None:
        self.rules = Definitions()
        for each in given:
            self.publish(each)

    def publish(self, each: AgentDefinition | TenantPolicy) -> None:
        kind = "agent" if isinstance(each, AgentDefinition) else "tenant_policy"
        self.rules = self.rules.plus(kind, each.body(), self.rules.position + 1)

    def current(self) -> Definitions:
        return self.rules

    def catch_up(self, timeout: float) -> Definitions:
        return self.rules


@dataclass
class World:
    """Every lane of runs and of tenants; a run that is admitted calls its model and waits."""

    source: Current
    log: MemoryLog
    runs: list[MemoryEngine[RunState]]
    tenants: list[MemoryEngine[Tenant]]
    called: list[str] = field(default_factory=list)
    ids: dict[int, str] = field(default_factory=dict)

    @classmethod
    def opened(cls, *given: TenantPolicy, **agent_changes: Any) -> World:
        source, log = Current(agent(tools=(), **agent_changes), *given), MemoryLog(PARTITIONS)
        world = cls(source, log, [], [])
        for number in range(PARTITIONS):
            world.runs.append(
                MemoryEngine(RUNS, CODEC, source, world._called, START, log=log, partition=number)
            )
            world.tenants.append(
                MemoryEngine(TENANTS, TENANT_CODEC, source, None, START, log=log, partition=number)
            )
        return world

    @property
    def lanes(self) -> list[MemoryEngine[RunState] | MemoryEngine[Tenant]]:
        return [*self.runs, *self.tenants]

    def _called(self, work: Record) -> None:
        assert isinstance(work, ModelWork)
        self.called.append(work.run_id)

    def ask(self, number: int, **changes: Any) -> str:
        """Ask for a run and let everything settle."""
        self.put_request(number, **changes)
        self.settle()
        return self.ids[number]

    def put_request(self, number: int, **changes: Any) -> None:
        self.ids[number] = run_id(number, self.runs[0].now)
        asked = request(run_id=self.ids[number], **changes)
        self._put(topics.REQUESTS, asked.run_id, asked)

    def finish(self, number: int, cost: str = "0.01") -> None:
        """Let a run's model complete it."""
        self._result(number, done(), cost)

    def answered(self, number: int, cost: str) -> None:
        """Let a run's model answer nothing that helps."""
        self._result(number, answer(), cost)

    def _result(self, number: int, said: ModelResult, cost: str, **more: Any) -> None:
        name = self.ids[number]
        changes = {"run_id": name, "call_id": self._out(number), "cost": Decimal(cost), **more}
        self._put(topics.RESULTS, name, said.model_copy(update=changes))
        self.settle()

    def _out(self, number: int) -> str:
        """Return the model call that is out, the first one where the run has ended."""
        name = self.ids[number]
        live = [lane.partition_state.live.get(name) for lane in self.runs]
        states = [found.state for found in live if found is not None]
        out = states[0].loop.model_call if states and isinstance(states[0], Live) else None
        return out.call_id if out else f"{name}.1"

    def came_late(self, number: int, cost: str, *, tenant: str = TENANT, call: int = 1) -> None:
        """Let the answer of a run's model call come, whatever became of the run."""
        name = self.ids[number]
        changes = {"call_id": f"{name}.{call}", "tenant_id": tenant}
        self._result(number, done(), cost, **changes)

    def failed_late(self, number: int, call: int) -> None:
        """Let a run's model call come back without an answer, whatever became of the run."""
        changes = {"call_id": f"{self.ids[number]}.{call}", "tenant_id": TENANT, "usage": None}
        self._result(number, model_error(), "0", **changes)

    def extend(self, number: int, request_id: str = "more", **units: str | int) -> None:
        """Let a person ask for more."""
        added = tuple(Amount(unit=unit, amount=Decimal(much)) for unit, much in units.items())
        self._control(ExtendRun, number, request_id, added=added, reason="worth it")

    def ask_for_more_again(self, which: int) -> None:
        """Let what a run once asked its tenant for come once more, however late."""
        events = [event for number in self.ids for event in self.events(number)]
        asked = [e for e in events if isinstance(e.fact, ExtensionRequested) and e.fact.asks_tenant]
        if not asked:
            return
        event = asked[which % len(asked)]
        assert isinstance(event.fact, ExtensionRequested)
        record = asked_of_tenant(event.meta, event.fact)
        assert record is not None
        self._put(topics.TENANT_REQUESTS, record.tenant_id, record)
        self.settle()

    def deny_extension(self, number: int, request_id: str = "no") -> None:
        self._control(DenyExtension, number, request_id, reason="enough")

    def limits(self, number: int) -> Limits:
        name = self.ids[number]
        live = [lane.partition_state.live.get(name) for lane in self.runs]
        (state,) = [found.state for found in live if found is not None]
        assert isinstance(state, Live)
        return state.limits

    def last(self, number: int, kind: type[F]) -> F:
        """Return the last fact of a kind that a run has said."""
        found = [event.fact for event in self.events(number) if isinstance(event.fact, kind)]
        assert found, f"{kind.__name__} is not among {self.names(number)}"
        return found[-1]

    def _control(self, kind: type[Control], number: int, request_id: str, **fields: Any) -> None:
        control = kind(
            request_id=f"{request_id}-{number}",
            run_id=self.ids[number],
            tenant_id=TENANT,
            actor_id="ann",
            requested_at=self.runs[0].now,
            **fields,
        )
        self._put(topics.CONTROLS, self.ids[number], control)
        self.settle()

    def cancel(self, number: int, tenant: str = TENANT) -> None:
        control = CancelRun(
            request_id=f"cancel-{number}",
            run_id=self.ids[number],
            tenant_id=tenant,
            actor_id="ann",
            requested_at=self.runs[0].now,
            reason="enough",
        )
        self._put(topics.CONTROLS, self.ids[number], control)
        self.settle()

    def _put(self, topic: str, key: str, record: Record) -> None:
        place = topic, self.log.partition_of(topic, key.encode())
        now = int(self.runs[0].now.timestamp() * 1000)
        self.log.append(place, key, CODEC.encode(topic, record), (), now)

    def settle(self) -> None:
        """Let every lane do what there is to do; one that dies begins again."""
        busy = True
        while busy:
            busy = False
            for lane in self.lanes:
                try:
                    busy = lane.settle() or busy
                except LostCommit:
                    busy = True

    def pass_time(self, seconds: float) -> None:
        for lane in self.lanes:
            lane.now += timedelta(seconds=seconds)
        self.settle()

    def events(self, number: int) -> list[Event]:
        found = [self._decoded(CODEC, topics.EVENTS, lane) for lane in self.runs]
        return [
            event
            for events in found
            for event in events
            if isinstance(event, Event) and event.meta.run_id == self.ids[number]
        ]

    def names(self, number: int) -> list[str]:
        return [event.type for event in self.events(number)]

    def facts(self, tenant: str = TENANT) -> list[Fact]:
        return [event.fact for event in self.tenant_events(tenant)]

    def tenant_events(self, tenant: str = TENANT) -> list[TenantEvent]:
        found = [self._decoded(TENANT_CODEC, topics.TENANT_EVENTS, lane) for lane in self.tenants]
        return [
            event
            for events in found
            for event in events
            if isinstance(event, TenantEvent) and event.meta.tenant_id == tenant
        ]

    def values(self, number: int) -> list[tuple[bytes, Event]]:
        """Return a run's events with their bytes."""
        key = self.ids[number].encode()
        entries = [each for lane in self.runs for each in lane.entries(topics.EVENTS)]
        mine = [each.value or b"" for each in entries if each.key == key]
        found = [(value, CODEC.decode(topics.EVENTS, value)) for value in mine]
        return [(value, event) for value, event in found if isinstance(event, Event)]

    def tenant_values(self, tenant: str = TENANT) -> list[tuple[bytes, TenantEvent]]:
        """Return a tenant's events with their bytes."""
        entries = [each for lane in self.tenants for each in lane.entries(topics.TENANT_EVENTS)]
        mine = [each.value or b"" for each in entries if each.key == tenant.encode()]
        found = [(value, TENANT_CODEC.decode(topics.TENANT_EVENTS, value)) for value in mine]
        return [(value, event) for value, event in found if isinstance(event, TenantEvent)]

    def dead_letters(self) -> list[DeadLetter]:
        found = [self._decoded(CODEC, topics.DEAD_LETTERS, lane) for lane in self.runs]
        return [letter for letters in found for letter in letters if isinstance(letter, DeadLetter)]

    @staticmethod
    def _decoded(codec: Codec, topic: str, lane: MemoryEngine[Any]) -> list[object]:
        return [codec.decode(topic, entry.value) for entry in lane.entries(topic)]

    def tenant(self, tenant: str = TENANT) -> Tenant:
        lane = self.tenants[self.log.partition_of("", tenant.encode())]
        return lane.partition_state.live[tenant].state

    def states(self) -> Mapping[str, list[int]]:
        """Return the numbers of the runs that run, that wait and that have ended."""
        found: dict[str, list[int]] = {"running": [], "queued": [], "ended": []}
        live = {key: each for lane in self.runs for key, each in lane.partition_state.live.items()}
        for number, name in self.ids.items():
            status = live[name].state.status if name in live else None
            where = "queued" if status == "queued" else "running"
            found[where if status else "ended"].append(number)
        return found


__all__ = ["TENANT", "World", "capped", "policy", "run_id"]
