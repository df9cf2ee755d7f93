"""What a run tells its tenant: by its facts, and of a call whose result came after its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from runfold.events import calls, topics
from runfold.events import run as j
from runfold.events.base import Fact, Record
from runfold.events.border import number_of
from runfold.events.calls.children import ChildEnded
from runfold.events.definitions import Definitions
from runfold.events.tenant import LateCostReported
from runfold.processors.engine.aggregate import Send
from runfold.processors.run.lifecycle import extending, queueing


def _asks(meta: j.Meta, fact: j.RunQueued) -> tuple[Send, ...]:
    asked = queueing.asked_of_tenant(meta, fact)
    return (Send(topics.TENANT_REQUESTS, meta.tenant_id, asked),) if asked else ()


def _returns(meta: j.Meta, fact: j.RunSettled) -> tuple[Send, ...]:
    back = queueing.returned_to_tenant(meta, fact)
    return (Send(topics.TENANT_REQUESTS, meta.tenant_id, back),)


def _asks_more(meta: j.Meta, fact: j.ExtensionRequested) -> tuple[Send, ...]:
    asked = extending.asked_of_tenant(meta, fact)
    return (Send(topics.TENANT_REQUESTS, meta.tenant_id, asked),) if asked else ()


def late_cost(record: Record, definitions: Definitions) -> tuple[Send, ...]:
    """Return what a call cost whose run has ended, for the book of its tenant, where it has one."""
    if isinstance(record, ChildEnded):
        return _late_child(record, definitions)
    if not isinstance(record, calls.ModelResult | calls.ToolResult) or not record.tenant_id:
        return ()
    usage = record.usage if isinstance(record, calls.ModelResult) else None
    tokens = number_of(usage.input_tokens + usage.output_tokens) if usage else 0
    # A model's answer is told where it cost nothing too: what was set aside for it is free then.
    told_of = isinstance(record, calls.ModelResult) or bool(record.cost)
    if not told_of or definitions.tenant_policy(record.tenant_id) is None:
        return ()
    told = LateCostReported(
        tenant_id=record.tenant_id,
        run_id=record.run_id,
        call_id=record.call_id,
        attempt=record.attempt,
        cost=record.cost or Decimal(0),
        tokens=tokens,
    )
    return (Send(topics.TENANT_REQUESTS, record.tenant_id, told),)


def _late_child(ended: ChildEnded, definitions: Definitions) -> tuple[Send, ...]:
    """Return what a run used whose parent has ended: its parent's tenant has it set aside."""
    if definitions.tenant_policy(ended.tenant_id) is None:
        return ()
    usage = ended.exit.usage
    told = LateCostReported(
        tenant_id=ended.tenant_id,
        run_id=ended.run_id,
        call_id=ended.call_id,
        attempt=ended.attempt,
        cost=ended.tree.cost if ended.tree else usage.cost_usd,
        tokens=number_of(ended.tree.tokens if ended.tree else usage.total_tokens),
    )
    return (Send(topics.TENANT_REQUESTS, ended.tenant_id, told),)


OUTBOX: Mapping[type[Fact], Callable[[Any, Any], tuple[Send, ...]]] = {
    j.RunQueued: _asks,
    j.RunSettled: _returns,
    j.ExtensionRequested: _asks_more,
}
"""The facts of which a tenant must learn."""
