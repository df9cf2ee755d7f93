"""The calls of a run as they are shown, from the views."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from runfold.surfaces.application.shapes.base import SHAPE, Json, Shape, Usd


class ToolCall(Shape):
    """A call of a tool: whether it was allowed, whether it ran, what came of it.

    ``call_id`` is RUN.N. ``repeated`` says that its answer came from an earlier execution.
    """

    call_id: str
    tool: str
    tool_version: str
    status: str
    arguments: Json
    arguments_edited: bool | None
    reason: str
    risk_level: int
    policy_effect: str | None
    approval_status: str | None
    decided_by: str | None
    attempt: int
    placement: str | None
    proposed_at: datetime
    decided_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    latency_ms: int | None
    repeated: bool | None
    cost_usd: Usd | None
    result: Json
    error: Json


class ModelCall(Shape):
    """A call of a model: what was asked of which model, and what came of it."""

    call_id: str
    status: str
    attempt: int
    requested_model: str
    model: str | None
    provider: str | None
    routing_reason: str
    prompt_version: str
    decision_type: str | None
    decision_summary: str | None
    finish_reason: str | None
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: Usd | None
    latency_ms: int | None
    called_at: datetime
    completed_at: datetime | None
    error: Json


class RunCalls(Shape):
    """What a run has called, each kind in the order in which it was asked for."""

    shape: Literal[2] = SHAPE
    run_id: str
    model_calls: tuple[ModelCall, ...]
    tool_calls: tuple[ToolCall, ...]
