"""Tool invocations: proposed, permitted, run, answered [24, 101]."""

from __future__ import annotations

from runfold.events import topics, wording
from runfold.events.base import Fact
from runfold.events.calls.kinds import TOOL
from runfold.events.catalogue import CHARGED
from runfold.events.run import (
    ApprovalGiven,
    ApprovalRequested,
    CallBegun,
    CallHeld,
    CheckpointWritten,
    PolicyDecided,
    ResultGiven,
    RetryScheduled,
    ToolCallApproved,
    ToolCallDenied,
    ToolCallFailed,
    ToolCallProposed,
    ToolCallStarted,
    ToolCallSucceeded,
    ToolCallUncertain,
)
from runfold.events.traits import charge_of
from runfold.events.values import ActorKind, Sign
from runfold.projections.rendering.readable import as_json, clean, readable, said
from runfold.projections.store.rows.merging import Merging
from runfold.projections.tables import tool_calls
from runfold.projections.view import Batch, Placed, Rows, View

_BEFORE: frozenset[type[Fact]] = frozenset(
    {
        ToolCallProposed,
        PolicyDecided,
        ApprovalRequested,
        ApprovalGiven,
        ToolCallApproved,
        ToolCallDenied,
    }
)
_AFTER: frozenset[type[Fact]] = frozenset(
    {
        ToolCallStarted,
        CallBegun,
        CallHeld,
        RetryScheduled,
        ToolCallSucceeded,
        ToolCallFailed,
        ToolCallUncertain,
        ResultGiven,
        CheckpointWritten,
    }
)
_KINDS = _BEFORE | _AFTER | CHARGED


def add(batch: Batch, rows: Rows) -> None:
    """Add one row a call, or what has changed of it."""
    calls = Merging(tool_calls, rows)
    for placed in batch.of(_KINDS):
        kind = type(placed.fact)
        if kind in _BEFORE:
            _before(calls, placed)
        elif kind in _AFTER:
            _after(calls, placed)
        charge = charge_of(placed.fact) if kind in CHARGED else None
        if charge is not None and charge.kind == TOOL.name and charge.name:
            calls.put(tool_call_id=charge.call_id, cost_usd=charge.cost)


def _before(calls: Merging, placed: Placed) -> None:
    """What happens to a call before it is handed out."""
    meta = placed.meta
    match placed.fact:
        case ToolCallProposed() as fact:
            calls.put(
                tool_call_id=fact.call_id,
                run_id=meta.run_id,
                tenant_id=meta.tenant_id,
                model_call_id=fact.model_call_id,
                tool_name=fact.tool,
                tool_version=fact.tool_version,
                arguments_json=said(fact.arguments),
                reason=clean(fact.reason),
                status="proposed",
                risk_level=fact.risk_level,
                idempotency_key=fact.idempotency_key,
                proposed_at=meta.time,
            )
        case PolicyDecided(call_id=str()) as fact:
            calls.put(tool_call_id=fact.call_id, policy_effect=fact.effect.value)
        case ApprovalRequested() as fact:
            calls.put(
                tool_call_id=fact.call_id, status="awaiting_approval", approval_status="pending"
            )
        case ApprovalGiven() as fact:
            calls.put(
                tool_call_id=fact.call_id,
                arguments_json=said(fact.arguments),
                arguments_edited=True if fact.arguments is not None else None,
            )
        case ToolCallApproved() as fact:
            asked = fact.grant_id is not None or not _by_policy(placed)
            calls.put(
                tool_call_id=fact.call_id,
                status="approved",
                approval_status="approved" if asked else "not_required",
                grant_id=fact.grant_id,
                decided_by=meta.actor.id,
                decided_at=meta.time,
                arguments_json=said(fact.arguments),
                arguments_edited=fact.arguments is not None,
            )
        case ToolCallDenied() as fact:
            calls.put(
                tool_call_id=fact.call_id,
                status="denied",
                approval_status=None if _by_policy(placed) else "denied",
                decided_by=meta.actor.id,
                decided_at=meta.time,
                error_json=as_json({"error_type": "denied", "message": fact.reason}),
            )
        case _:
            pass


def _after(calls: Merging, placed: Placed) -> None:
    """What happens to a call once it is handed out."""
    meta = placed.meta
    match placed.fact:
        case ToolCallStarted() as fact:
            calls.put(
                tool_call_id=fact.call_id,
                status="started",
                attempt=fact.attempt,
                placement=fact.placement.value,
                started_at=meta.time,
            )
        case RetryScheduled() as fact:
            calls.put(tool_call_id=fact.call_id, status="retry_scheduled")
        case CallHeld(kind=TOOL.name) as fact:
            calls.put(
                tool_call_id=fact.call_id,
                status="held",
                held_code=clean(fact.code),
                held_reason=clean(wording.plain(fact.reason)),
            )
        case CallBegun(kind=TOOL.name) as fact:
            calls.put(tool_call_id=fact.call_id, status="begun", begun_at=meta.time)
        case ToolCallSucceeded() as fact:
            calls.put(
                tool_call_id=fact.call_id,
                status="succeeded",
                completed_at=meta.time,
                latency_ms=fact.latency_ms,
                result_json=said(fact.result),
                repeated=fact.repeated,
                signs_json=_signs(fact.signs),
            )
        case ToolCallFailed() as fact:
            calls.put(
                tool_call_id=fact.call_id,
                status="failed",
                completed_at=meta.time,
                latency_ms=fact.latency_ms,
                error_json=readable(fact.error),
                signs_json=_signs(fact.signs),
            )
        case ToolCallUncertain() as fact:
            calls.put(
                tool_call_id=fact.call_id,
                status="uncertain",
                latency_ms=fact.latency_ms,
                error_json=as_json(
                    {"error_type": "uncertain", "message": wording.plain(fact.reason)}
                ),
            )
        case ResultGiven() as fact:
            calls.put(
                tool_call_id=fact.call_id,
                status="given",
                completed_at=meta.time,
                result_json=said(fact.result),
                given_by=clean(fact.by),
            )
        case CheckpointWritten() as fact:
            for call in fact.completed:
                calls.put(tool_call_id=call.call_id, checkpoint_id=fact.checkpoint_id)
        case _:
            pass


def _signs(signs: tuple[Sign, ...]) -> str | None:
    return as_json({sign.kind: sign.count for sign in signs}) if signs else None


def _by_policy(placed: Placed) -> bool:
    return placed.meta.actor.kind in {ActorKind.POLICY, ActorKind.SYSTEM}


VIEW = View("tool_invocations", (tool_calls,), add, (topics.EVENTS,))
