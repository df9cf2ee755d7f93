"""Whether a request may begin a run, and how the run begins [20, 55]."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from runfold.events import run as j
from runfold.events.commands import RunRequested
from runfold.events.content import json_content, without_bytes
from runfold.events.definitions import AgentDefinition
from runfold.events.definitions.resolving import UNKNOWN, Found
from runfold.events.trusted import trusted
from runfold.events.values import Exit, ExitStatus, ExitUsage, Limits, RunRequest
from runfold.processors.engine.aggregate import Env
from runfold.processors.run.agent.next_step import proceed
from runfold.processors.run.draft import Draft

MAX_GOAL_BYTES = 100_000
"""The longest goal in bytes; longer texts belong in attachments."""

EXIT_REFUSED = 2

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def admit(draft: Draft, request: RunRequested, traceparent: str | None = None) -> None:
    """Begin the run, or refuse it on record; ``traceparent`` is what the request came with."""
    asked = trusted(RunRequest)(**dict(request))
    known, tenant = draft.env.definitions, asked.tenant_id
    found = known.resolve("agent", asked.agent, asked.agent_version, tenant)
    agent = found.definition(AgentDefinition)
    tools = [known.resolve("tool", name, None, tenant) for name in agent.tools] if agent else []
    if problem := _problem(asked, found, tools, draft.env):
        draft.say(_refusal(asked, problem, draft.env))
        return
    assert agent is not None
    draft.say(
        trusted(j.RunCreated)(
            request=asked.model_copy(update={"goal": without_bytes(asked.goal)}),
            agent=known.pin(agent),
            tools=tuple(tool.published.pin for tool in tools if tool.published),
            prompt_version=agent.prompt_version,
            model=agent.model.name,
            limits=tightened(agent.limits, asked.limits),
            rulebook=known.position,
            requester_trace=traceparent if _TRACEPARENT.fullmatch(traceparent or "") else None,
        )
    )
    draft.say(j.RunStarted())
    draft.say(
        trusted(j.UserMessageReceived)(
            message_id="goal", kind=j.MessageKind.GOAL, content=asked.goal
        )
    )
    proceed(draft)


def tightened(agent: Limits, request: Limits | None) -> Limits:
    """Return the stricter of both for every limit: a request can tighten, never loosen."""
    if request is None:
        return agent
    asked = {name: limit for name, limit in request if limit is not None}
    stricter = {
        name: limit
        for name, limit in asked.items()
        if getattr(agent, name) is None or limit < getattr(agent, name)
    }
    return agent.model_copy(update=stricter)


def _problem(
    request: RunRequest,
    found: Found,
    tools: list[Found],
    env: Env,
) -> tuple[str, str] | None:
    agent = found.definition(AgentDefinition)
    if agent is None and found.problem != UNKNOWN:
        which = f"{found.name}@{found.version}"
        return (
            f"{found.problem}_agent",
            f"agent {which} is {found.problem}; use another version",
        )
    if agent is None:
        version = f"@{request.agent_version}" if request.agent_version else ""
        wanted = f"{request.agent}{version}"
        return "unknown_agent", f"no agent {wanted!r} is published; publish it with runfold apply"
    return next(_problems(request, agent, tools, env), None)


def _problems(
    request: RunRequest,
    agent: AgentDefinition,
    tools: list[Found],
    env: Env,
) -> Iterator[tuple[str, str]]:
    pairs = list(zip(agent.tools, tools, strict=True))
    missing = [name for name, tool in pairs if tool.problem == UNKNOWN]
    if missing:
        yield "unknown_tool", f"agent {agent.name} names unpublished tools: {', '.join(missing)}"
    for name, tool in pairs:
        if tool.problem and tool.problem != UNKNOWN:
            said = f"agent {agent.name} names {name}, which is {tool.problem}"
            yield f"{tool.problem}_tool", said
    if request.goal.size == 0:
        yield "empty_goal", "the goal is empty; say what the run is to achieve"
    if request.goal.size > MAX_GOAL_BYTES:
        size = f"the goal has {request.goal.size} bytes, the limit is {MAX_GOAL_BYTES}"
        yield "goal_too_large", f"{size}; give long texts as attachments"
    if request.goal.inline is None:
        yield "goal_not_inline", "the goal must be given inline, not by reference"
    if request.deadline is not None and request.deadline <= env.now:
        yield "deadline_passed", "the deadline of the request has passed"
    asked = request.limits or Limits()
    if any(limit is not None and limit <= 0 for _, limit in asked):
        yield "invalid_limits", "every limit of a request must be above zero"


def _refusal(request: RunRequest, problem: tuple[str, str], env: Env) -> j.RunRefused:
    code, reason = problem
    goal = request.goal if request.goal.size <= MAX_GOAL_BYTES else without_bytes(request.goal)
    return j.RunRefused(
        request=request.model_copy(update={"goal": goal}),
        code=code,
        reason=reason,
        rulebook=env.definitions.position,
        exit=Exit(
            status=ExitStatus.FAILURE,
            exit_code=EXIT_REFUSED,
            signal="blocked",
            payload=json_content({"code": code, "reason": reason}),
            usage=ExitUsage(
                total_tokens=0,
                input_tokens=0,
                output_tokens=0,
                cost_usd=Decimal(0),
                latency_ms=0,
                model_calls=0,
                tool_calls=0,
            ),
        ),
    )
