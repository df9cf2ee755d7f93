"""``make bench-tenants``: what admission costs a run, and 10,000 tenants of which 100 are busy.

Runs go through lanes of runs and of tenants in memory: decided, stamped, encoded, and adopted.
By turns:

- off: no policy, so that nobody asks
- one: every run is of one tenant, with caps and budgets
- judged: the same, and every beginning, model call and tool call is decided by 100 policies as
  code, all of which may match a tool call
- named: the same, where 99 of the policies name other tools
- busy: the same runs of 100 tenants, each with a policy of its own
- many: the same 100 among 10,000 that each had a run before

Processor time and memory belong to the machine; the ratios are within one turn. Exit code 1 where
the middle ratio of many to one is above 1.15: idle tenants must cost a run nothing.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Generic

import psutil

from benchmarks.support.stub_processor import answered, found
from benchmarks.support.workload import AGENT, STEPS, definitions
from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.avro.vocabulary import TENANTS as TENANT_RECORDS
from runfold.events.base import Record
from runfold.events.calls import ModelWork, ToolWork
from runfold.events.contents.content import text
from runfold.events.definitions import PolicyDefinition, TenantPolicy
from runfold.events.records.commands import RunRequested
from runfold.infra.process.gc import collect_seldom
from runfold.processors.definitions.fixed import FixedDefinitions, definitions_of
from runfold.processors.engine.aggregate import S
from runfold.processors.engine.core.batch import BatchDecider
from runfold.processors.engine.core.inputs import Headers, Input, Received, Returned
from runfold.processors.engine.core.messages import Message
from runfold.processors.engine.core.outcome import Outcome
from runfold.processors.engine.core.partition_state import PartitionState
from runfold.processors.engine.core.rebuild import Rebuild
from runfold.processors.engine.ports import DefinitionStore
from runfold.processors.engine.spec import AggregateSpec
from runfold.processors.run.aggregate import RUNS
from runfold.processors.run.policy.cedar.checking import canonical
from runfold.processors.run.state import RunState
from runfold.processors.tenant.aggregate import TENANTS
from runfold.processors.tenant.state import Tenant

BUSY, MANY = 100, 10_000
POLICIES = 100
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_BATCH = timedelta(milliseconds=3)
_AT_ONCE = 500
_ALLOWED = 1.15


_POLICY = TenantPolicy.model_validate(
    {
        "name": "default",
        "version": "1.0",
        "caps": [{"of": "tenant", "running": 200}, {"of": "user", "running": 200}],
        "run_amounts": {"usd": "0.5"},
        "budgets": [
            {"of": "tenant", "period": "month", "limit": 10**9, "soft": 10**8},
            {"of": "user", "period": "day", "limit": 10**9},
            {"of": "agent", "unit": "runs", "period": "hour", "limit": 10**9},
        ],
    }
)


def _policies(*, named: bool) -> Iterable[PolicyDefinition]:
    """Yield policies that permit all that a run does, and others that are looked at in vain."""
    yield _policy("all", "permit(principal, action, resource);")
    for number in range(1, POLICIES):
        tool = f' == Tool::"tool-{number}"' if named else ""
        yield _policy(
            f"rule-{number}",
            f'forbid(principal, action == Action::"tool.call", resource{tool}) when {{ '
            f'context.user == User::"user-{number}" && context.step > {number} }};',
        )


def _policy(name: str, cedar: str) -> PolicyDefinition:
    return PolicyDefinition(name=name, version="1.0", cedar=canonical(cedar))


class Lane(Generic[S]):
    """One lane's decider and state; its journal is kept where a round asks for that."""

    def __init__(self, spec: AggregateSpec[S], codec: Codec, source: DefinitionStore) -> None:
        self.spec = spec
        self._fold = BatchDecider(spec, codec, source, 0, lambda _topic, _key: 0)
        self.state: PartitionState[S] = PartitionState()
        self.inputs: list[Input] = []
        self.journal: list[bytes] = []
        self._events = 0

    def turn(self, now: datetime, *, keeps: bool = False) -> Outcome[S] | None:
        """Decide what came in; return what follows, None where nothing came."""
        inputs, self.inputs = self.inputs, []
        if not inputs:
            return None
        outcome = self._fold.take(inputs, self.state, now)
        outcome.adopt(self.state, self._events if outcome.events else None, 0)
        self._events += len(outcome.events)
        if keeps:
            self.journal += [each.value or b"" for each in outcome.events]
        return outcome


class Deployment:
    """A lane of runs and one of tenants, and stubs that do the local work at once."""

    def __init__(
        self, tenants: int, *, policies: bool, rules: Iterable[PolicyDefinition] = ()
    ) -> None:
        """Publish what the runs need, a policy for each tenant, and the rules for all of them."""
        known = definitions_of(definitions())
        for number in range(tenants if policies else 0):
            body, position = _POLICY.body(), known.position + 1
            known = known.plus("tenant_policy", body, position, _tenant(number))
        for rule in rules:
            known = known.plus("policy", rule.body(), known.position + 1)
        source = FixedDefinitions(known)
        self._codec = Codec(LockRegistry())
        self._books = Codec(LockRegistry(), TENANT_RECORDS)
        self._runs: Lane[RunState] = Lane(RUNS, self._codec, source)
        self._tenants: Lane[Tenant] = Lane(TENANTS, self._books, source)
        self._now, self._number = _BEGAN, 0
        self._offsets: Counter[str] = Counter()

    def round(self, runs: int, among: int, first: int = 0) -> float:
        """Take so many runs at once to their ends; return the processor time of each, in s."""
        self._runs.inputs += [self._asked(first + number % among) for number in range(runs)]
        seconds, keeps = 0.0, first > 0
        while self._runs.inputs or self._tenants.inputs:
            self._now += _BATCH
            began = time.process_time()
            ran = self._runs.turn(self._now)
            booked = self._tenants.turn(self._now, keeps=keeps)
            seconds += time.process_time() - began
            for outcome in (ran, booked):
                self._deliver(outcome.messages() if outcome else ())
            works = ran.local if ran else ()
            self._runs.inputs += [Returned(_done(work)) for work in works]
        assert not self._runs.state.live
        self._runs.state.ended.clear()
        return seconds / runs

    def restore(self) -> float:
        """Return the processor time in which the lane of tenants is read back, in s."""
        began, rebuild = time.process_time(), Rebuild(TENANTS, self._books)
        for offset, value in enumerate(self._tenants.journal):
            rebuild.journal(offset, None, value)
        rebuild.finish()
        return time.process_time() - began

    def _asked(self, tenant: int) -> Received:
        self._number += 1
        millis = int(self._now.timestamp() * 1000)
        run_id = str(uuid.UUID(int=millis << 80 | 0x7 << 76 | 0x2 << 62 | self._number))
        request = RunRequested(
            run_id=run_id,
            tenant_id=_tenant(tenant),
            user_id="bench",
            agent=AGENT,
            goal=text("Look five things up."),
            requested_at=self._now,
        )
        value = self._codec.encode(topics.REQUESTS, request)
        return self._received(topics.REQUESTS, run_id, value, ())

    def _deliver(self, messages: Iterable[Message]) -> None:
        for each in messages:
            if each.topic == topics.TENANT_REQUESTS and each.key and each.value:
                self._tenants.inputs.append(
                    self._received(each.topic, each.key, each.value, tuple(each.headers))
                )
            elif each.topic == topics.RESULTS and each.key and each.value:
                self._runs.inputs.append(
                    self._received(each.topic, each.key, each.value, tuple(each.headers))
                )

    def _received(self, topic: str, key: str, value: bytes, headers: Headers) -> Received:
        offset = self._offsets[topic]
        self._offsets[topic] += 1
        millis = int(self._now.timestamp() * 1000)
        return Received(topic, offset, key.encode(), value, headers, millis)


def _done(work: Record) -> Record:
    if isinstance(work, ModelWork):
        return answered(work)
    assert isinstance(work, ToolWork)
    return found(work)


def _resident() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


def _tenant(number: int) -> str:
    return f"tenant-{number:05d}"


def measure(runs: int, turns: int, many: int) -> dict[str, object]:
    """Return the figures: microseconds a run, ratios within a turn, memory of an idle tenant."""
    off, one = Deployment(1, policies=False), Deployment(1, policies=True)
    judged = Deployment(1, policies=True, rules=_policies(named=False))
    named = Deployment(1, policies=True, rules=_policies(named=True))
    busy = Deployment(BUSY, policies=True)
    before = _resident()
    crowd = Deployment(many, policies=True)
    published = _resident()
    # Some at a time, as they come; the runs of all at once would be what is measured.
    for first in range(0, many, _AT_ONCE):
        count = min(_AT_ONCE, many - first)
        crowd.round(count, count, first)
    held = _resident()
    turn = {
        "off": (off, 1),
        "one": (one, 1),
        "judged": (judged, 1),
        "named": (named, 1),
        "busy": (busy, BUSY),
        "many": (crowd, BUSY),
    }
    for deployment, among in turn.values():
        deployment.round(runs, among)
    collect_seldom()
    took: dict[str, list[float]] = {name: [] for name in turn}
    for number in range(turns):
        names = list(turn) if number % 2 == 0 else list(turn)[::-1]
        for name in names:
            deployment, among = turn[name]
            took[name].append(deployment.round(runs, among))
    return {
        "runs": runs,
        "turns": turns,
        "tenants": many,
        "us_per_run": {name: round(statistics.median(each) * 1e6) for name, each in took.items()},
        "many_to_one": _ratio(took["many"], took["one"]),
        "many_to_busy": _ratio(took["many"], took["busy"]),
        "one_to_off": _ratio(took["one"], took["off"]),
        "judged_to_one": _ratio(took["judged"], took["one"]),
        "us_per_judged_decision": _judging(took["judged"], took["one"]),
        "us_per_named_decision": _judging(took["named"], took["one"]),
        "busy_to_off": _ratio(took["busy"], took["off"]),
        "policy_bytes": round((published - before) / many),
        "idle_tenant_bytes": round((held - published) / many),
        "restore_s": round(crowd.restore(), 2),
    }


def _judging(judged: Sequence[float], one: Sequence[float]) -> float:
    """Return what policies add to a step of a run, in us; a run begins, and has so many steps."""
    more = statistics.median(a - b for a, b in zip(judged, one, strict=True))
    return round(more * 1e6 / (1 + STEPS), 1)


def _ratio(first: Sequence[float], second: Sequence[float]) -> float:
    return round(statistics.median(a / b for a, b in zip(first, second, strict=True)), 3)


def main(arguments: Sequence[str]) -> int:
    """Measure, print and write build/tenants.json; 1 where idle tenants cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="runs at once")
    parser.add_argument("--turns", type=int, default=7, help="measure so many times")
    parser.add_argument("--tenants", type=int, default=MANY, help="how many tenants there are")
    chosen = parser.parse_args(arguments)
    figures = measure(chosen.runs, chosen.turns, chosen.tenants)
    target = Path("build/tenants.json")
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))
    return 0 if float(str(figures["many_to_one"])) <= _ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
