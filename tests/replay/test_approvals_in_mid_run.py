"""Approvals by several persons, months apart, under policies: folded, bounded, and audited."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from runfold.events import run as j
from runfold.events import topics
from runfold.events.base import Record
from runfold.events.people.approvals import Approver, Holds, HoldsFor
from runfold.events.records import commands
from runfold.events.run import Event
from runfold.events.topics import EVENTS
from runfold.processors.engine.memory import MemoryEngine
from runfold.processors.run.aggregate import RUNS
from runfold.processors.run.evolve import evolve
from runfold.processors.run.state import Live, RunState
from runfold.producers.client.deciding import shown_in
from tests.deciders.given import RUN, agent, answer, call, came_back, control, request, tool
from tests.deciders.governed import policy
from tests.deciders.policies.test_governed import published
from tests.replay.test_definitions_in_mid_run import Current, Known, judged
from tests.spec import START
from tests.support.builders.stories import CODEC
from tests.surfaces.records.test_verifier import rechained

RULES = """@id("pays") @approvers("3") @requester("never")
permit(principal, action == Action::"tool.call", resource);
@id("treasury") permit(principal in Role::"treasurer", action == Action::"tool.approve", resource);
@id("ops") permit(principal in Role::"ops", action == Action::"run.control", resource);"""
PAY = tool("pay", risk_level=4, input_schema={"type": "object"})
KNOWN = published(
    PAY,
    agent(tools=("pay",), limits={"max_model_calls": 99, "max_tool_calls": 99}),
    policy(RULES, "rules"),
)
Written = list[tuple[bytes, Event]]


class Lived:
    """A run in the engine in memory, whose journal can be read."""

    def __init__(self) -> None:
        self.engine = MemoryEngine(RUNS, CODEC, Current(KNOWN), now=START)
        self.count = 0

    def put(self, topic: str, record: Record) -> None:
        self.engine.put(topic, RUN, CODEC.encode(topic, record))
        self.engine.settle()

    def person(self, by: str, kind: type[commands.Control], role: str, **more: Any) -> None:
        self.count += 1
        said = control(kind, f"r{self.count}", actor_id=by, roles=(role,), **more)
        self.put(topics.CONTROLS, said)

    def approve(self, by: str, call_id: str, holds: Holds | None = None) -> None:
        shown = shown_in(event for _, event in self.written())[call_id]
        given = {"call_id": call_id, "shown_digest": shown, "holds": holds}
        self.person(by, commands.ApproveToolCall, "treasurer", **given)

    def written(self) -> Written:
        values = [entry.value or b"" for entry in self.engine.entries(EVENTS)]
        decoded = [(value, CODEC.decode(EVENTS, value)) for value in values]
        return [(value, event) for value, event in decoded if isinstance(event, Event)]

    def folded(self) -> RunState | None:
        state: RunState | None = None
        for _, event in self.written():
            state = evolve(state, event.fact, event.meta.time)
        return state


def lived(calls: int = 3) -> Lived:
    """Three persons approve over a year; the next calls are permitted by what they gave."""
    life = Lived()
    life.put(topics.REQUESTS, request())
    life.put(topics.RESULTS, answer(call("pay", {"amount": 1})))
    holds = Holds(scope=HoldsFor.TOOL, times=calls)
    for person in ("ann", "user-1", "bob", "ann", "eve"):
        life.approve(person, f"{RUN}.2", holds)
        life.engine.pass_time(timedelta(days=90))
        life.engine.park(timedelta(days=1))
        life.engine.restart()
    for n in range(calls):
        life.put(topics.RESULTS, came_back(2 * n + 2))
        life.put(topics.RESULTS, answer(call("pay", {"amount": n + 2}), n=2 * n + 3))
    life.person("bob", commands.PauseRun, "treasurer", reason="no")
    life.person("bob", commands.PauseRun, "ops", reason="enough")
    return life


def test_approvals_of_months_are_made_again_from_the_journal_alone() -> None:
    written = lived().written()
    kinds = [event.type for _, event in written]
    assert kinds.count("ApprovalGiven") == 2
    assert kinds.count("ToolCallStarted") == 3
    assert kinds.count("RequestIgnored") == 3
    assert kinds[-2:] == ["RunPaused", "CheckpointWritten"]
    assert judged(written, Known(KNOWN)).faults == ()


def test_an_approver_who_was_put_in_afterwards_is_found() -> None:
    written = lived().written()
    forged = [
        replace(event, fact=_with_mallory(event.fact))
        if isinstance(event.fact, j.ToolCallApproved) and event.fact.request_id
        else event
        for _, event in written
    ]
    faults = judged(rechained(forged), Known(KNOWN)).faults
    assert any(fault.kind == "decision" for fault in faults)


def _with_mallory(fact: j.ToolCallApproved) -> j.ToolCallApproved:
    approvers = (*fact.approvers[:-1], Approver(id="mallory", roles=("treasurer",)))
    return fact.model_copy(update={"approvers": approvers})


def test_what_approvals_leave_in_the_state_does_not_grow_with_their_use() -> None:
    life = Lived()
    life.put(topics.REQUESTS, request())
    life.put(topics.RESULTS, answer(call("pay", {"amount": 1})))
    for person in ("ann", "bob", "eve"):
        life.approve(person, f"{RUN}.2", Holds(scope=HoldsFor.TOOL, times=40))
    for n in range(30):
        life.put(topics.RESULTS, came_back(2 * n + 2))
        life.put(topics.RESULTS, answer(call("pay", {"amount": n + 2}), n=2 * n + 3))
    state = life.folded()
    assert isinstance(state, Live)
    (grant,) = state.loop.grants
    assert (grant.left, len(grant.by)) == (9, 3)
    assert len(state.loop.calls) == 1
