"""What a parent or a child said to a run, as the facts that followed record it."""

from __future__ import annotations

from collections.abc import Sequence

from runfold.events import run as j
from runfold.events.base import Record
from runfold.events.calls.children import ChildEnded, ChildRequested, ParentSignal
from runfold.events.run import Event, Meta
from runfold.events.values import Exit, ExitUsage, RunRequest
from runfold.processors.run.state import Live, RunState


def requested(fact: j.RunCreated | j.RunRefused, asked: RunRequest) -> ChildRequested:
    """Return what a parent asked for, as the beginning of its child records it."""
    assert fact.lineage is not None
    return ChildRequested(
        run_id=asked.run_id, tenant_id=asked.tenant_id, request=asked, lineage=fact.lineage
    )


def of(state: RunState | None, meta: Meta, decision: Sequence[Event]) -> Record | None:
    """Return what was said, None where neither a parent nor a child said it."""
    if not isinstance(state, Live):
        return None
    for event in decision:
        match event.fact:
            case j.ParentSignalled() as heard:
                return ParentSignal(
                    run_id=meta.run_id,
                    tenant_id=meta.tenant_id,
                    parent_run_id=state.request.parent_run_id or "",
                    request_id=heard.request_id,
                    signal=heard.signal,
                    reason=heard.reason,
                )
            case j.ChildRunEnded() as back:
                return _ended(state, meta, back)
            case _:
                pass
    return None


def _ended(state: Live, meta: Meta, back: j.ChildRunEnded) -> ChildEnded:
    call = state.loop.call(back.call_id)
    return ChildEnded(
        run_id=meta.run_id,
        tenant_id=meta.tenant_id,
        call_id=back.call_id,
        attempt=call.attempt if call else 1,
        child_run_id=back.child_run_id,
        exit=Exit(
            status=back.status,
            exit_code=back.exit_code,
            signal="",
            payload=back.payload,
            usage=ExitUsage(
                total_tokens=back.used.tokens,
                input_tokens=0,
                output_tokens=0,
                cost_usd=back.used.cost,
                latency_ms=back.latency_ms,
                model_calls=0,
                tool_calls=0,
            ),
        ),
        tree=back.used,
        error=back.error,
    )
