"""A toy aggregate with the engine's whole vocabulary: steps, timers, controls, and ways to break.

A request's labels say what happens: ``steps`` (how many calls), ``placement`` (local or pool),
``timer_ms`` (end by a deadline instead).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from runfold.events.base import Fact, Record
from runfold.events.calls import Outcome, ToolResult, ToolWork
from runfold.events.commands import CancelRun, Control, PauseRun, RunRequested, SendMessage
from runfold.events.content import content, json_content, text
from runfold.events.definitions import Definitions
from runfold.events.run import (
    MessageKind,
    PlanStepAdvanced,
    RetryScheduled,
    RunCancelled,
    RunCompleted,
    RunFailed,
    RunPaused,
    RunQueued,
    RunStarted,
    UserMessageReceived,
)
from runfold.events.values import (
    Actor,
    ActorKind,
    Attribution,
    Exit,
    ExitStatus,
    ExitUsage,
    Label,
    Placement,
    RunStatus,
)
from runfold.processors.engine.aggregate import Command, Env, Timer, Work

TRACEPARENT = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Toy:
    """``steps`` are still to do; ``out`` is the call that is out."""

    status: RunStatus
    run_id: str
    steps: int
    placement: Placement
    out: str | None = None
    wake: datetime | None = None
    tenant_id: str = "tenant-a"
    traceparent: str = TRACEPARENT


class ToyAggregate:
    """Implements the engine's Aggregate."""

    def screen(self, record: Record, key: str, appended_at: datetime) -> str | None:
        if isinstance(record, RunRequested) and record.goal.inline == b"stale":
            return "stale_request: too old"
        return None

    def starts(self, record: Record) -> bool:
        return isinstance(record, RunRequested)

    def decide(self, state: Toy | None, command: Command, env: Env) -> Sequence[tuple[Fact, Toy]]:
        decided = []
        for fact in self.facts(state, command, env):
            state = self.evolve(state, fact, env.now)
            decided.append((fact, state))
        return decided

    def facts(self, state: Toy | None, command: Command, env: Env) -> Sequence[Fact]:
        body = command.body
        if isinstance(body, RunRequested):
            return _begin(body, env)
        assert state is not None
        if isinstance(body, ToolResult):
            return _answered(state, body)
        if isinstance(body, Timer):
            if body.kind == "explode":
                raise RuntimeError("boom")
            return [_done("wake"), _completed(state)]
        return _controlled(body)

    def evolve(self, state: Toy | None, fact: Fact, at: datetime) -> Toy:
        if isinstance(fact, RunQueued):
            steps, placement, run_id = fact.reason.split(" ")
            return Toy(RunStatus.QUEUED, run_id, int(steps), Placement(placement))
        assert state is not None
        if isinstance(fact, RetryScheduled):
            return replace(state, wake=fact.due, status=RunStatus.WAITING_FOR_TOOL)
        if isinstance(fact, PlanStepAdvanced) and fact.status == "out":
            return replace(state, out=fact.step_id, status=RunStatus.RUNNING_TOOL)
        if isinstance(fact, PlanStepAdvanced):
            return replace(
                state, out=None, wake=None, steps=state.steps - 1, status=RunStatus.PLANNING
            )
        if isinstance(fact, RunPaused) and fact.reason == "boom in evolve":
            raise RuntimeError("boom")
        if isinstance(fact, RunCompleted | RunFailed | RunCancelled):
            return replace(state, status=RunStatus.COMPLETED)
        return state

    def actor(self, fact: Fact, command: Command, state: Toy) -> Actor:
        return Actor(kind=ActorKind.SYSTEM, id="toy")

    def dispatch(self, fact: Fact, state: Toy, definitions: Definitions) -> Sequence[Work]:
        if isinstance(fact, PlanStepAdvanced) and fact.status == "out":
            return [_work(state)]
        return []

    def reopen(self, state: Toy, definitions: Definitions) -> Sequence[Work]:
        return [_work(state)] if state.out and state.placement is Placement.LOCAL else []

    def next_timer(self, state: Toy) -> Timer | None:
        if state.wake is None:
            return None
        kind = "explode" if state.placement is Placement.UNKNOWN else "wake"
        return Timer(state.wake, kind, f"{state.run_id}.wake", 1)


def _begin(request: RunRequested, env: Env) -> Sequence[Fact]:
    labels = {label.key: label.value for label in request.labels}
    steps, placement = int(labels.get("steps", "1")), labels.get("placement", "local")
    facts: list[Fact] = [
        RunQueued(reason=f"{steps} {placement} {request.run_id}"),
        RunStarted(),
    ]
    if "timer_ms" in labels:
        delay = int(labels["timer_ms"])
        due = env.now + timedelta(milliseconds=delay)
        facts.append(
            RetryScheduled(call_id="wake", attempt=1, due=due, delay_ms=delay, reason="toy")
        )
    else:
        facts.append(PlanStepAdvanced(step_id=f"{request.run_id}.{steps}", status="out"))
    return facts


def _controlled(body: object) -> Sequence[Fact]:
    if isinstance(body, PauseRun) and body.reason == "boom":
        raise RuntimeError("boom")
    if isinstance(body, PauseRun):
        return [
            UserMessageReceived(message_id="m", kind=MessageKind.MESSAGE, content=text("a")),
            RunPaused(request_id=body.request_id, reason=body.reason),
        ]
    if isinstance(body, CancelRun):
        return [_cancelled(body)]
    if isinstance(body, SendMessage):
        said = body.content
        return [
            UserMessageReceived(message_id=body.request_id, kind=MessageKind.MESSAGE, content=said)
        ]
    return []


def _answered(state: Toy, result: ToolResult) -> Sequence[Fact]:
    if result.call_id != state.out:
        return []
    if state.steps == 1:
        return [_done(result.call_id), _completed(state)]
    step_id = f"{state.run_id}.{state.steps - 1}"
    return [_done(result.call_id), PlanStepAdvanced(step_id=step_id, status="out")]


def _done(step_id: str) -> Fact:
    return PlanStepAdvanced(step_id=step_id, status="done")


def _exit(status: ExitStatus) -> Exit:
    usage = ExitUsage(
        total_tokens=0,
        input_tokens=0,
        output_tokens=0,
        cost_usd=Decimal(0),
        latency_ms=0,
        model_calls=0,
        tool_calls=0,
    )
    return Exit(
        status=status, exit_code=0, signal="complete", payload=json_content({}), usage=usage
    )


def _completed(state: Toy) -> Fact:
    return RunCompleted(
        exit=_exit(ExitStatus.SUCCESS), agent="toy", agent_version="1", user_id="user-a"
    )


def _cancelled(control: CancelRun) -> Fact:
    return RunCancelled(
        exit=_exit(ExitStatus.CANCELLED),
        reason=control.reason,
        request_id=control.request_id,
        agent="toy",
        agent_version="1",
        user_id="user-a",
    )


ATTRIBUTION = Attribution(user_id="user-a", agent="toy", agent_version="1", prompt_version="1")


def _work(state: Toy) -> Work:
    assert state.out is not None
    work = ToolWork(
        run_id=state.run_id,
        tenant_id="tenant-a",
        user_id="user-a",
        call_id=state.out,
        attempt=1,
        tool="toy",
        tool_version="1",
        arguments=json_content({}),
        idempotency_key=state.out,
        timeout_ms=1000,
        traceparent=TRACEPARENT,
        attribution=ATTRIBUTION,
    )
    return Work(work, state.placement)


def result_of(work: Record, *, effect: bool = False) -> ToolResult:
    """What an obedient tool answers."""
    assert isinstance(work, ToolWork)
    return result(work.run_id, work.call_id, effect=effect)


def result(run_id: str, call_id: str, *, effect: bool = False) -> ToolResult:
    return ToolResult(
        run_id=run_id,
        call_id=call_id,
        attempt=1,
        outcome=Outcome.SUCCEEDED,
        latency_ms=1,
        result=json_content({}),
        effect=effect,
    )


def request(run_id: str, **labels: object) -> RunRequested:
    """A request whose labels say what happens."""
    return RunRequested(
        run_id=run_id,
        tenant_id="tenant-a",
        user_id="user-a",
        agent="toy",
        goal=text("go"),
        requested_at=NOW,
        labels=tuple(Label(key=key, value=str(value)) for key, value in labels.items()),
    )


def control(kind: type[Control], run_id: str, **fields: object) -> Control:
    """A person's control."""
    return kind(
        run_id=run_id,
        tenant_id="tenant-a",
        request_id=str(fields.pop("request_id", "request-1")),
        actor_id="person-a",
        requested_at=NOW,
        **fields,
    )


def big(size: int) -> SendMessage:
    """A message of a size."""
    message = control(SendMessage, "run-1", content=content(b"x" * size, "text/plain"))
    assert isinstance(message, SendMessage)
    return message
