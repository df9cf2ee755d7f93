"""The agent, tools and inputs that the decider's specifications speak of."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from runfold.events.calls import BeginRequested, ContextResult, ModelResult, Outcome, ToolResult
from runfold.events.contents.content import content, json_content, text
from runfold.events.contents.transcript import inline
from runfold.events.definitions import (
    AgentDefinition,
    Definitions,
    ModelChoice,
    RetryPolicy,
    ToolContract,
)
from runfold.events.records.commands import Control, RunRequested
from runfold.events.values import ErrorInfo, Limits, ModelAnswer, Placement, ProposedCall, Usage
from runfold.processors.run.lifecycle.deadlines import next_timer
from runfold.processors.run.state import CallStatus
from tests.spec import START, Story

RUN = "019ca945-0a00-7000-8000-000000000001"
TENANT = "acme"


def tool(name: str, **changes: Any) -> ToolContract:
    given = {
        "name": name,
        "version": "1.0",
        "description": f"the tool {name}",
        "input_schema": {
            "type": "object",
            "properties": {"path": {"type": "string"}},
            "required": ["path"],
        },
        "implementation": f"python:tests:{name}",
        "retry": RetryPolicy(max_attempts=2, initial_ms=1000),
    }
    return ToolContract.model_validate(given | changes)


LOOK = tool("look", risk_level=0, placement=Placement.LOCAL)
WRITE = tool("write", risk_level=1, idempotent=True)
SEND = tool("send", risk_level=3, approval="never")


def agent(**changes: Any) -> AgentDefinition:
    given = {
        "name": "worker",
        "version": "1.0",
        "instructions": "work",
        "prompt_version": "p1",
        "model": ModelChoice(name="scripted:x", retry=RetryPolicy(max_attempts=2)),
        "tools": ("look", "write", "send"),
        "limits": Limits(max_model_calls=20, max_tool_calls=20, max_identical_calls=3),
        "max_malformed": 2,
    }
    return AgentDefinition.model_validate(given | changes)


def definitions(*given: ToolContract | AgentDefinition) -> Definitions:
    known = Definitions()
    for number, definition in enumerate(given or (LOOK, WRITE, SEND, agent())):
        kind = "agent" if isinstance(definition, AgentDefinition) else "tool"
        known = known.plus(kind, definition.body(), number + 1)
    return known


def request(**changes: Any) -> RunRequested:
    given = {
        "run_id": RUN,
        "tenant_id": TENANT,
        "user_id": "user-1",
        "agent": "worker",
        "goal": text("find out"),
        "requested_at": START,
    }
    return RunRequested.model_validate(given | changes)


def story(**agent_changes: Any) -> Story:
    return Story(definitions(LOOK, WRITE, SEND, agent(**agent_changes)))


def begun(**agent_changes: Any) -> Story:
    return story(**agent_changes).when(request())


def call(name: str, arguments: object = None, id: str = "c1") -> ProposedCall:  # noqa: A002
    given = {"path": "a"} if arguments is None else arguments
    return ProposedCall(id=id, name=name, arguments=json_content(given))


def broken_call(name: str, id: str = "c1") -> ProposedCall:  # noqa: A002
    return ProposedCall(
        id=id,
        name=name,
        arguments=content(b"{pa", "application/json"),
        problem="the arguments are not JSON",
    )


def answer(*calls: ProposedCall, n: int = 1, attempt: int = 1, **changes: Any) -> ModelResult:
    given = {
        "run_id": RUN,
        "call_id": f"{RUN}.{n}",
        "attempt": attempt,
        "outcome": Outcome.SUCCEEDED,
        "model": "scripted:x",
        "provider": "scripted",
        "latency_ms": 5,
        "usage": Usage(input_tokens=100, output_tokens=10),
        "cost": Decimal("0.01"),
        "answer": ModelAnswer(
            text=text("so"), tool_calls=calls, finish_reason="tool_calls" if calls else "stop"
        ),
    }
    return ModelResult.model_validate(given | changes)


def model_error(n: int = 1, attempt: int = 1, *, retryable: bool = True) -> ModelResult:
    error = ErrorInfo(error_type="overloaded", message="busy", retryable=retryable)
    return answer(n=n, attempt=attempt, outcome=Outcome.FAILED, answer=None, error=error)


def done(summary: str = "all found", n: int = 1) -> ModelResult:
    return answer(call("complete_task", {"summary": summary}), n=n)


def begins(n: int, attempt: int = 1, by: str = "pool-1") -> BeginRequested:
    return BeginRequested(run_id=RUN, call_id=f"{RUN}.{n}", attempt=attempt, by=by)


def held(n: int, attempt: int = 1, retry_after_ms: int | None = None) -> ModelResult:
    error = ErrorInfo(
        error_type="circuit_open",
        message="left alone",
        retryable=True,
        retry_after_ms=retry_after_ms,
    )
    return answer(
        n=n, attempt=attempt, outcome=Outcome.HELD, answer=None, usage=None, cost=None, error=error
    )


def due(story: Story) -> Story:
    """Let the next deadline pass; what is out has begun by then."""
    for out in story.run.loop.calls:
        if out.status is CallStatus.RUNNING and not out.beginning.by:
            story = story.when(begins(int(out.call_id.rpartition(".")[2]), out.attempt))
    timer = next_timer(story.run)
    assert timer is not None
    return story.after((timer.due - story.now).total_seconds()).when(timer)


def came_back(n: int, value: object = "ok", attempt: int = 1, **changes: Any) -> ToolResult:
    given = {
        "run_id": RUN,
        "call_id": f"{RUN}.{n}",
        "attempt": attempt,
        "outcome": Outcome.SUCCEEDED,
        "latency_ms": 3,
        "result": json_content(value),
    }
    return ToolResult.model_validate(given | changes)


UNAVAILABLE = ErrorInfo(error_type="content_unavailable", message="no disk", retryable=True)


def chosen(n: int, attempt: int = 1, **changes: Any) -> ContextResult:
    document = inline(())
    given = {
        "run_id": RUN,
        "call_id": f"{RUN}.{n}",
        "attempt": attempt,
        "outcome": Outcome.SUCCEEDED,
        "latency_ms": 4,
        "content": document,
        "selected_count": 2,
        "dropped_count": 1,
        "token_estimate": 50,
        "digest": document.digest,
    }
    return ContextResult.model_validate(given | changes)


def broke(n: int, attempt: int = 1, *, retryable: bool = True) -> ToolResult:
    error = ErrorInfo(error_type="tool_error", message="broke", retryable=retryable)
    return came_back(n, attempt=attempt, outcome=Outcome.FAILED, result=None, error=error)


def could_not_begin(n: int, attempt: int = 1, retry_after_ms: int | None = None) -> ToolResult:
    error = ErrorInfo(
        error_type="no_room", message="full", retryable=True, retry_after_ms=retry_after_ms
    )
    return came_back(n, attempt=attempt, outcome=Outcome.HELD, result=None, error=error)


def control(kind: type[Control], request_id: str = "r1", **fields: Any) -> Control:
    given = {
        "request_id": request_id,
        "run_id": RUN,
        "tenant_id": TENANT,
        "actor_id": "person-1",
        "requested_at": START,
    }
    return kind.model_validate(given | fields)
