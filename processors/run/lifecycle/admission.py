"""Whether a request may begin a run, and how the run begins [20, 55]."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from runfold.events import run as j
from runfold.events.calls.children import Lineage
from runfold.events.contents.content import json_content, without_bytes
from runfold.events.definitions import AgentDefinition
from runfold.events.definitions.store.resolving import UNKNOWN, Found
from runfold.events.records.commands import RunRequested
from runfold.events.trusted import trusted
from runfold.events.values import Exit, ExitStatus, ExitUsage, Limits, RunRequest
from runfold.processors.engine.aggregate import Env
from runfold.processors.run.agent.models import attachments, profiles
from runfold.processors.run.agent.next_step import proceed
from runfold.processors.run.behaviour import BY_PROFILE, BY_TENANT
from runfold.processors.run.brakes.beginning import set_brakes
from runfold.processors.run.draft import Draft
from runfold.processors.run.flow import advancing
from runfold.processors.run.lifecycle import queueing
from runfold.processors.run.lifecycle.proving import UNPROVED
from runfold.processors.run.policy.judging import FORBIDDEN, at_the_request, plainly
from runfold.processors.run.wording import Parameter

MAX_GOAL_BYTES = 100_000
"""The longest goal in bytes; longer texts belong in attachments."""

EXIT_REFUSED = 2


class _Problem(NamedTuple):
    """Why a request is refused; ``text`` is the code of its text where that is not the same."""

    code: str
    parameters: Mapping[str, Parameter]
    text: str | None = None


_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def admit(
    draft: Draft,
    request: RunRequested,
    traceparent: str | None = None,
    lineage: Lineage | None = None,
) -> None:
    """Begin the run, or refuse it on record; ``traceparent`` is what the request came with.

    Where another run asks (``lineage``), the tenant is not asked: what is used is its parent's.
    """
    asked = trusted(RunRequest)(**dict(request))
    known, tenant = draft.env.definitions, asked.tenant_id
    found = known.resolve("agent", asked.agent, asked.agent_version, tenant)
    agent = found.definition(AgentDefinition)
    tools = [known.resolve("tool", name, None, tenant) for name in agent.tools] if agent else []
    problem = _nobody(asked, draft.behaviour) or _problem(asked, found, tools, draft.env)
    problem = problem or _attached(asked, draft.behaviour) or _stopped(asked, agent, draft)
    chosen = _profile(asked, draft)
    problem = problem or _unusable_profile(asked, chosen)
    if problem:
        draft.say(_refusal(asked, problem, draft, lineage=lineage))
        return
    assert agent is not None
    governed = at_the_request(draft.behaviour, asked, agent, draft.env)
    if forbidden := next((each.said for each in governed if not each.said.permitted), None):
        code, told = forbidden.for_people
        reason = draft.people(code, **told)
        draft.say(_refusal(asked, _Problem(FORBIDDEN, {}), draft, reason, lineage))
        return
    limits = tightened(agent.limits, asked.limits)
    draft.say(
        trusted(j.RunCreated)(
            request=asked.model_copy(update={"goal": without_bytes(asked.goal)}),
            agent=known.pin(agent),
            tools=tuple(tool.published.pin for tool in tools if tool.published),
            prompt_version=agent.prompt_version,
            model=agent.model.name,
            limits=limits,
            rulebook=known.position,
            requester_trace=traceparent if _TRACEPARENT.fullmatch(traceparent or "") else None,
            behaviour=draft.behaviour,
            unpriced=_is_unpriced(draft, agent, limits),
            profile=chosen.pin if chosen else None,
            lineage=lineage,
        )
    )
    for each in governed:
        draft.say(plainly(draft, agent, *each))
    goal = trusted(j.UserMessageReceived)(
        message_id="goal", kind=j.MessageKind.GOAL, content=asked.goal
    )
    if lineage is None and queueing.must_ask(draft):
        draft.say(goal)
        queueing.ask(draft)
        return
    draft.say(j.RunStarted())
    set_brakes(draft)
    draft.say(goal)
    advancing.begin(draft)
    proceed(draft)


def refuse(
    draft: Draft,
    request: RunRequest,
    code: str,
    lineage: Lineage | None = None,
    **parameters: Parameter,
) -> None:
    """Refuse a request on record, for a reason by its code."""
    asked = trusted(RunRequest)(**dict(request))
    draft.say(_refusal(asked, _Problem(code, parameters), draft, lineage=lineage))


def refuse_unproved(draft: Draft, request: RunRequested, why: str) -> None:
    """Refuse a request whose credential proves nothing; ``why`` is the code of the text.

    Of what somebody wants in another's name, the words are not kept.
    """
    asked = trusted(RunRequest)(**dict(request))
    unread = asked.model_copy(update={"goal": without_bytes(asked.goal), "attachments": ()})
    draft.say(_refusal(unread, _Problem(UNPROVED, {}, why), draft))


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


def _is_unpriced(draft: Draft, agent: AgentDefinition, limits: Limits) -> bool:
    """Whether a limit of money may stand for nothing, as far as prices are known here [55]."""
    if draft.behaviour < 5 or limits.max_cost is None or agent.flow is not None:
        return False
    model = agent.model
    return not all(map(draft.is_priced, (model.name, *model.fallbacks, *model.cheaper)))


def _nobody(request: RunRequest, behaviour: int) -> _Problem | None:
    """Return a problem where it is not said for whom the run is: limits and scopes hang on it."""
    if behaviour < 4 or (request.tenant_id.strip() and request.user_id.strip()):
        return None
    return _Problem("nobody", {})


def _attached(request: RunRequest, behaviour: int) -> _Problem | None:
    fault = attachments.fault_of(request.attachments) if behaviour >= attachments.BEGUN else None
    return _Problem(*fault) if fault else None


def _profile(request: RunRequest, draft: Draft) -> profiles.Chosen | None:
    """Return what the request's response profile stands for; None where it names none."""
    if draft.behaviour < BY_PROFILE or not request.response_profile:
        return None
    return profiles.resolved(draft.env.definitions, request.response_profile, request.tenant_id)


def _unusable_profile(request: RunRequest, chosen: profiles.Chosen | None) -> _Problem | None:
    if chosen is None or not chosen.problem:
        return None
    told = {"profile": request.response_profile or "", "problem": chosen.problem}
    text = None if chosen.problem == UNKNOWN else "profile_not_usable"
    return _Problem(f"{chosen.problem}_profile", told, text)


def _stopped(request: RunRequest, agent: AgentDefinition | None, draft: Draft) -> _Problem | None:
    """Return a problem where a switch stops the tenant, the agent or its model [131]."""
    if draft.behaviour < BY_TENANT or agent is None:
        return None
    for kind, name in (
        ("tenant", request.tenant_id),
        ("agent", agent.name),
        ("model", agent.model.name),
    ):
        if draft.env.definitions.stopped(kind, name, request.tenant_id):
            return _Problem("stopped", {"what": f"{kind} {name}"})
    return None


def _problem(
    request: RunRequest,
    found: Found,
    tools: list[Found],
    env: Env,
) -> _Problem | None:
    agent = found.definition(AgentDefinition)
    if agent is None and found.problem != UNKNOWN:
        which = f"{found.name}@{found.version}"
        told = {"agent": which, "problem": str(found.problem)}
        return _Problem(f"{found.problem}_agent", told, "agent_not_usable")
    if agent is None:
        version = f"@{request.agent_version}" if request.agent_version else ""
        return _Problem("unknown_agent", {"agent": f"{request.agent}{version}"})
    return next(_problems(request, agent, tools, env), None)


def _problems(
    request: RunRequest,
    agent: AgentDefinition,
    tools: list[Found],
    env: Env,
) -> Iterator[_Problem]:
    pairs = list(zip(agent.tools, tools, strict=True))
    missing = [name for name, tool in pairs if tool.problem == UNKNOWN]
    if missing:
        yield _Problem("unknown_tool", {"agent": agent.name, "tools": ", ".join(missing)})
    for name, tool in pairs:
        if tool.problem and tool.problem != UNKNOWN:
            told = {"agent": agent.name, "tool": name, "problem": str(tool.problem)}
            yield _Problem(f"{tool.problem}_tool", told, "tool_not_usable")
    if request.goal.size == 0:
        yield _Problem("empty_goal", {})
    if request.goal.size > MAX_GOAL_BYTES:
        yield _Problem("goal_too_large", {"size": request.goal.size, "limit": MAX_GOAL_BYTES})
    if request.goal.inline is None:
        yield _Problem("goal_not_inline", {})
    if request.deadline is not None and request.deadline <= env.now:
        yield _Problem("deadline_passed", {})
    asked = request.limits or Limits()
    if any(limit is not None and limit <= 0 for _, limit in asked):
        yield _Problem("invalid_limits", {})


def _refusal(
    request: RunRequest,
    problem: _Problem,
    draft: Draft,
    said: str | None = None,
    lineage: Lineage | None = None,
) -> j.RunRefused:
    code = problem.code
    reason = said or draft.people(problem.text or code, **problem.parameters)
    goal = request.goal if request.goal.size <= MAX_GOAL_BYTES else without_bytes(request.goal)
    return j.RunRefused(
        request=request.model_copy(update={"goal": goal}),
        code=code,
        reason=reason,
        rulebook=draft.env.definitions.position,
        behaviour=draft.behaviour,
        lineage=lineage,
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
