"""The work that follows from a committed fact: a model call or a tool call."""

from __future__ import annotations

from functools import lru_cache

from runfold.events import run as j
from runfold.events.base import Fact, Record
from runfold.events.calls import ModelWork, ToolSchema, ToolWork
from runfold.events.content import Content, canonical_json, text
from runfold.events.definitions import AgentDefinition, Definitions
from runfold.events.trusted import trusted
from runfold.events.values import Pin, Placement
from runfold.processors.engine.aggregate import Work
from runfold.processors.run.agent import control_tools
from runfold.processors.run.agent.model_results import attribution
from runfold.processors.run.draft import DefinitionMissingError
from runfold.processors.run.ids import outcome_of
from runfold.processors.run.state import Call, CallStatus, Live, RunState


def dispatch(fact: Fact, state: RunState, definitions: Definitions) -> tuple[Work, ...]:
    """Return the work that a fact calls for, given the state right after it."""
    if not isinstance(state, Live):
        return ()
    # Not by isinstance, which is slow where the answer is no, and it is asked at every event.
    if type(fact) is j.ModelCalled:
        record = _model_work(state, fact.call_id, fact.attempt, definitions)
        return (Work(record, fact.placement),)
    if type(fact) is j.ToolCallStarted:
        call = state.loop.call(fact.call_id)
        return (Work(_tool_work(state, call, fact.timeout_ms), fact.placement),) if call else ()
    return ()


def reopen(state: RunState, definitions: Definitions) -> tuple[Work, ...]:
    """Return the local work that is out; work in a pool comes round by itself."""
    if not isinstance(state, Live):
        return ()
    records: list[Record] = []
    out = state.loop.model_call
    if out is not None and not out.held and not out.pooled:
        records.append(_model_work(state, out.call_id, out.attempt, definitions))
    for call in state.loop.calls:
        if call.status is CallStatus.RUNNING and not call.pooled:
            pin = next(pin for pin in state.pinned.tools if pin.name == call.tool)
            contract = definitions.tool(pin.name, pin.version, state.tenant_id)
            timeout_ms = contract.timeout_ms if contract else 30_000
            records.append(_tool_work(state, call, timeout_ms))
    return tuple(Work(record, Placement.LOCAL) for record in records)


def _model_work(run: Live, call_id: str, attempt: int, definitions: Definitions) -> ModelWork:
    agent = definitions.agent(run.agent.name, run.agent.version, run.tenant_id)
    if agent is None:
        raise DefinitionMissingError(f"agent {run.agent.name}@{run.agent.version} is not published")
    return trusted(ModelWork)(
        run_id=run.run_id,
        tenant_id=run.tenant_id,
        call_id=call_id,
        attempt=attempt,
        model=run.pinned.model,
        fallbacks=agent.model.fallbacks,
        instructions=run.loop.context.instructions or _instructions(agent.instructions),
        messages=run.loop.context.messages,
        tools=_tool_schemas(run, definitions),
        timeout_ms=agent.model.timeout_ms,
        attribution=attribution(run),
        data_classification=run.request.data_classification,
        traceparent=run.traceparent,
        parameters=_parameters(agent),
        max_output_tokens=agent.model.max_output_tokens,
    )


def _tool_work(run: Live, call: Call, timeout_ms: int) -> ToolWork:
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
    )


def _cleared(run: Live, call: Call) -> int:
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


_schemas: dict[bytes, ToolSchema] = {}


def _tool_schemas(run: Live, definitions: Definitions) -> tuple[ToolSchema, ...]:
    return (
        *(_tool_schema(pin, run.tenant_id, definitions) for pin in run.pinned.tools),
        *control_tools.SCHEMAS,
    )


def _tool_schema(pin: Pin, tenant: str, definitions: Definitions) -> ToolSchema:
    """Return a pinned tool as a model sees it; remembered, since a digest never changes."""
    if pin.digest not in _schemas:
        contract = definitions.tool(pin.name, pin.version, tenant)
        if contract is None:
            raise DefinitionMissingError(f"tool {pin.name}@{pin.version} is not published")
        _schemas[pin.digest] = ToolSchema(
            name=contract.name,
            description=contract.description,
            input_schema=canonical_json(contract.input_schema),
        )
    return _schemas[pin.digest]
