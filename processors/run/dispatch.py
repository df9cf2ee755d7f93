"""The work that follows from a committed fact: a model call or a tool call."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from runfold.events import run as j
from runfold.events.base import Fact
from runfold.events.calls import (
    CallWork,
    ContextSource,
    ContextWork,
    ModelWork,
    PolicyWork,
    SourceKind,
    ToolSchema,
    ToolWork,
)
from runfold.events.calls.kinds import CONTEXT, MODEL, POLICY, TOOL
from runfold.events.contents.content import Content, canonical_json, text
from runfold.events.definitions import AgentDefinition, Definitions
from runfold.events.traits import DRY_RUN, JUDGE
from runfold.events.trusted import trusted
from runfold.events.values import Pin, Placement
from runfold.processors.engine.aggregate import Work
from runfold.processors.engine.ports import Wish
from runfold.processors.run.agent.calls.attribution import attribution
from runfold.processors.run.agent.controls import control_tools
from runfold.processors.run.agent.models import attachments, context_calls, judging, profiles
from runfold.processors.run.agent.tools import policy_calls, reasons
from runfold.processors.run.behaviour import BY_PERMISSION
from runfold.processors.run.draft import DefinitionMissingError
from runfold.processors.run.ids import outcome_of
from runfold.processors.run.lifecycle import gate
from runfold.processors.run.policy.withdrawn import fallbacks_of
from runfold.processors.run.state import (
    CallStatus,
    ContextCall,
    DryRunCall,
    JudgeCall,
    Live,
    ModelCall,
    OpenCall,
    PolicyCall,
    RoundCall,
    RunState,
)


def dispatch(fact: Fact, state: RunState, definitions: Definitions) -> tuple[Work, ...]:
    """Return the work that a fact calls for, given the state right after it."""
    if not isinstance(state, Live):
        return ()
    # Not by isinstance, which is slow where the answer is no, and it is asked at every event.
    made = _WORK.get(type(fact))
    if made is None:
        return ()
    if fact.placement is Placement.RUN:  # type: ignore[attr-defined] # the rows' facts have one
        return ()
    call = state.loop.call(fact.call_id)  # type: ignore[attr-defined] # the rows' facts have one
    return (Work(made(state, call, definitions), fact.placement),) if call else ()  # type: ignore[attr-defined]


def reopen(state: RunState, definitions: Definitions) -> tuple[Work, ...]:
    """Return the local work that is out; work in a pool is redelivered by its topic."""
    return _out(state, definitions, pooled=False)


def wish(state: RunState, work: CallWork) -> Wish:
    """Return whether a call that waited for its turn is still to be made."""
    call = state.loop.call(work.call_id) if isinstance(state, Live) else None
    if call is None or call.status is not CallStatus.RUNNING or call.attempt != work.attempt:
        return Wish.DROP
    return Wish.WAIT if isinstance(state, Live) and gate.shut(state) else Wish.BEGIN


def pooled(state: RunState, definitions: Definitions) -> tuple[Work, ...]:
    """Return the work that is out in pools: what the topics of work must hold, at the least."""
    return _out(state, definitions, pooled=True)


def _out(state: RunState, definitions: Definitions, *, pooled: bool) -> tuple[Work, ...]:
    if not isinstance(state, Live):
        return ()
    made = [c for c in state.loop.calls if c.beginning.child is None]
    out = [c for c in made if c.status is CallStatus.RUNNING and c.pooled is pooled]
    where = Placement.POOL if pooled else Placement.LOCAL
    return tuple([Work(_WORK_OF[call.kind](state, call, definitions), where) for call in out])


def _model_work(run: Live, call: ModelCall, definitions: Definitions) -> ModelWork:
    agent = definitions.agent(run.agent.name, run.agent.version, run.tenant_id)
    if agent is None:
        raise DefinitionMissingError(f"agent {run.agent.name}@{run.agent.version} is not published")
    chosen = run.loop.selection
    return trusted(ModelWork)(
        run_id=run.run_id,
        tenant_id=run.tenant_id,
        call_id=call.call_id,
        attempt=call.attempt,
        model=run.pinned.model,
        fallbacks=fallbacks_of(run, call.fallbacks, definitions),
        instructions=run.loop.instructions or _instructions(agent.instructions),
        messages=() if chosen else run.loop.transcript.messages,
        tools=_tool_schemas(run, agent, definitions),
        timeout_ms=agent.model.timeout_ms,
        attribution=attribution(run),
        data_classification=run.request.data_classification,
        traceparent=run.traceparent,
        parameters=_parameters(agent),
        max_output_tokens=agent.model.max_output_tokens,
        context=chosen.content if chosen else None,
        attachments=attachments.shown(run),
        by_permission=run.behaviour >= BY_PERMISSION,
        redact=agent.redact.of(run.request.data_classification) if agent.redact else (),
        taint=run.loop.taint,
        profile=profiles.told(definitions, run.pinned.profile, run.tenant_id),
    )


def _judge_work(run: Live, call: JudgeCall, definitions: Definitions) -> ModelWork:
    agent = definitions.agent(run.agent.name, run.agent.version, run.tenant_id)
    judge = agent.brakes[judging.DETECTOR].judge if agent is not None else None
    if agent is None or judge is None:
        raise DefinitionMissingError(f"agent {run.agent.name}@{run.agent.version} is not published")
    return trusted(ModelWork)(
        run_id=run.run_id,
        tenant_id=run.tenant_id,
        call_id=call.call_id,
        attempt=call.attempt,
        model=call.model,
        fallbacks=(),
        instructions=_instructions(judging.instructions(run.behaviour, judge)),
        messages=judging.shown(run),
        tools=(judging.SCHEMA,),
        timeout_ms=agent.model.timeout_ms,
        attribution=attribution(run),
        data_classification=run.request.data_classification,
        traceparent=run.traceparent,
        by_permission=run.behaviour >= BY_PERMISSION,
        redact=agent.redact.of(run.request.data_classification) if agent.redact else (),
        taint=run.loop.taint,
    )


def _context_work(run: Live, call: ContextCall, _definitions: Definitions) -> ContextWork:
    source = ContextSource(kind=SourceKind.TRANSCRIPT, entries=run.loop.transcript.entries)
    return ContextWork(
        run_id=run.run_id,
        tenant_id=run.tenant_id,
        user_id=run.request.user_id,
        call_id=call.call_id,
        attempt=call.attempt,
        sources=(source,),
        budget_tokens=call.budget_tokens,
        timeout_ms=context_calls.TIMEOUT_MS,
        attribution=attribution(run),
        data_classification=run.request.data_classification,
        traceparent=run.traceparent,
        thread_id=run.request.thread_id,
        scopes=run.request.scopes,
        by_permission=run.behaviour >= BY_PERMISSION,
    )


def _policy_work(run: Live, call: PolicyCall, _definitions: Definitions) -> PolicyWork:
    return trusted(PolicyWork)(
        run_id=run.run_id,
        tenant_id=run.tenant_id,
        call_id=call.call_id,
        attempt=call.attempt,
        questions=call.questions,
        input=call.input,
        timeout_ms=policy_calls.timeout_of(call.questions),
        denies=call.denies,
        attribution=attribution(run),
        traceparent=run.traceparent,
    )


def _tool_work(run: Live, call: RoundCall, definitions: Definitions) -> ToolWork:
    pin = next(pin for pin in run.pinned.tools if pin.name == call.tool)
    contract = definitions.tool(pin.name, pin.version, run.tenant_id)
    timeout_ms = contract.timeout_ms if contract else 30_000
    return trusted(ToolWork)(
        run_id=run.run_id,
        tenant_id=run.tenant_id,
        user_id=run.request.user_id,
        call_id=call.call_id,
        attempt=call.attempt,
        tool=call.tool,
        tool_version=call.tool_version,
        arguments=call.arguments,
        idempotency_key=call.idempotency_key,
        timeout_ms=timeout_ms,
        traceparent=run.traceparent,
        attribution=attribution(run),
        scopes=run.request.scopes,
        cleared=_cleared(run, call),
        by_permission=run.behaviour >= BY_PERMISSION,
        profile=profiles.dimensions(definitions, run.pinned.profile, run.tenant_id),
    )


def _dry_run_work(run: Live, call: DryRunCall, definitions: Definitions) -> ToolWork:
    contract = definitions.tool(call.tool, call.tool_version, run.tenant_id)
    return trusted(ToolWork)(
        run_id=run.run_id,
        tenant_id=run.tenant_id,
        user_id=run.request.user_id,
        call_id=call.call_id,
        attempt=call.attempt,
        tool=call.tool,
        tool_version=call.tool_version,
        arguments=call.arguments,
        # Its own: what it answers is not the answer of the call.
        idempotency_key=call.call_id,
        timeout_ms=contract.timeout_ms if contract else 30_000,
        traceparent=run.traceparent,
        attribution=attribution(run),
        scopes=run.request.scopes,
        by_permission=run.behaviour >= BY_PERMISSION,
        profile=profiles.dimensions(definitions, run.pinned.profile, run.tenant_id),
    )


def _cleared(run: Live, call: RoundCall) -> int:
    """Return the last attempt that was in doubt; the run went on from it, so a person knew."""
    past = (
        n for n in range(1, call.attempt) if outcome_of(call.call_id, n) in run.attempts.doubted
    )
    return max(past, default=0)


@lru_cache(maxsize=256)
def _instructions(words: str) -> Content:
    return text(words)


def _parameters(agent: AgentDefinition) -> str:
    return canonical_json(agent.model.parameters) if agent.model.parameters else "{}"


_schemas: dict[tuple[bytes, bool], ToolSchema] = {}


def _tool_schemas(
    run: Live, agent: AgentDefinition, definitions: Definitions
) -> tuple[ToolSchema, ...]:
    asked = run.behaviour >= reasons.BEGUN and agent.ask_reasons
    shown = [_tool_schema(pin, run, definitions, asked=asked) for pin in run.pinned.tools]
    return (*shown, *control_tools.SCHEMAS)


def _tool_schema(pin: Pin, run: Live, definitions: Definitions, *, asked: bool) -> ToolSchema:
    """Return a pinned tool as a model sees it; remembered, since a digest never changes."""
    key = pin.digest, asked
    if key not in _schemas:
        contract = definitions.tool(pin.name, pin.version, run.tenant_id)
        if contract is None:
            raise DefinitionMissingError(f"tool {pin.name}@{pin.version} is not published")
        schema = contract.input_schema
        if asked and reasons.PROPERTY not in reasons.properties_of(schema):
            schema = reasons.asking(schema)
        _schemas[key] = ToolSchema(
            name=contract.name,
            description=contract.description,
            input_schema=canonical_json(schema),
        )
    return _schemas[key]


_WORK_OF: dict[str, Callable[[Live, Any, Definitions], CallWork]] = {
    MODEL.name: _model_work,
    TOOL.name: _tool_work,
    CONTEXT.name: _context_work,
    POLICY.name: _policy_work,
    DRY_RUN: _dry_run_work,
    JUDGE: _judge_work,
}


def _work_again(run: Live, call: OpenCall, definitions: Definitions) -> CallWork:
    return _WORK_OF[call.kind](run, call, definitions)


_WORK: dict[type[Fact], Callable[[Live, Any, Definitions], CallWork]] = {
    j.ModelCalled: _model_work,
    j.ToolCallStarted: _tool_work,
    j.ContextCalled: _context_work,
    j.PolicyAsked: _policy_work,
    j.DryRunStarted: _dry_run_work,
    j.JudgeCalled: _judge_work,
    j.CallHandedOutAgain: _work_again,
}
