"""The metrics that rules may name: what each one counts, in which unit, and by what."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

AGENT = "agent"
MODEL = "model"
TOOL = "tool"
TENANT = "tenant"
DIMENSIONS = (AGENT, MODEL, TOOL, TENANT)

ALL = "all"
"""The subject of what is not told apart by a dimension."""

OTHER = "other"
"""The subject that names beyond the bound are counted under."""


class Kind(Enum):
    """How a metric adds up over a window."""

    TOTAL = "total"
    DURATION = "duration"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: a total of ``unit`` in a window, durations in ms, or a gauge of the moment."""

    name: str
    kind: Kind
    unit: str
    by: tuple[str, ...]
    says: str


_RUN = (AGENT, TENANT)
_MODEL = (AGENT, MODEL, TENANT)
_TOOL = (AGENT, TOOL, TENANT)
_CALL = DIMENSIONS

_ALL_METRICS = (
    Metric("events", Kind.TOTAL, "events", _RUN, "facts of the journal"),
    Metric("runs_created", Kind.TOTAL, "runs", _RUN, "RunCreated"),
    Metric(
        "runs_ended", Kind.TOTAL, "runs", _RUN, "RunCompleted, RunFailed, RunCancelled, RunRefused"
    ),
    Metric("runs_completed", Kind.TOTAL, "runs", _RUN, "RunCompleted"),
    Metric("runs_failed", Kind.TOTAL, "runs", _RUN, "RunFailed"),
    Metric("runs_cancelled", Kind.TOTAL, "runs", _RUN, "RunCancelled"),
    Metric("runs_refused", Kind.TOTAL, "runs", _RUN, "RunRefused"),
    Metric("model_calls", Kind.TOTAL, "calls", _MODEL, "ModelResponded and ModelFailed"),
    Metric("model_failures", Kind.TOTAL, "calls", _MODEL, "ModelFailed"),
    Metric(
        "model_fallbacks",
        Kind.TOTAL,
        "calls",
        _MODEL,
        "ModelResponded that another model than the first answered",
    ),
    Metric("tool_calls", Kind.TOTAL, "calls", _TOOL, "ToolCallSucceeded, -Failed and -Uncertain"),
    Metric("tool_failures", Kind.TOTAL, "calls", _TOOL, "ToolCallFailed"),
    Metric("tool_timeouts", Kind.TOTAL, "calls", _TOOL, "ToolCallFailed with the type `timeout`"),
    Metric("tool_uncertain", Kind.TOTAL, "calls", _TOOL, "ToolCallUncertain"),
    Metric("retries", Kind.TOTAL, "retries", _CALL, "RetryScheduled"),
    Metric("takeovers", Kind.TOTAL, "runs", _RUN, "RunTakenOver"),
    Metric("approvals_requested", Kind.TOTAL, "calls", _TOOL, "ApprovalRequested"),
    Metric("calls_denied", Kind.TOTAL, "calls", _TOOL, "ToolCallDenied"),
    Metric("policy_denials", Kind.TOTAL, "decisions", _RUN, "PolicyDecided with `forbid`"),
    Metric("limits_reached", Kind.TOTAL, "limits", _RUN, "LimitReached"),
    Metric("brakes", Kind.TOTAL, "brakes", _RUN, "BrakeApplied"),
    Metric("brakes_strict", Kind.TOTAL, "brakes", _RUN, "BrakeApplied with `hand_over` or `stop`"),
    Metric("input_tokens", Kind.TOTAL, "tokens", _MODEL, "tokens of ModelResponded"),
    Metric("output_tokens", Kind.TOTAL, "tokens", _MODEL, "tokens of ModelResponded"),
    Metric("cost_usd", Kind.TOTAL, "USD", _CALL, "cost of model and tool calls that have a price"),
    Metric("unpriced_calls", Kind.TOTAL, "calls", _MODEL, "ModelResponded without a price"),
    Metric("dead_letters", Kind.TOTAL, "records", (), "DeadLetter"),
    Metric("unreadable", Kind.TOTAL, "records", (), "journal records that could not be decoded"),
    Metric("run_ms", Kind.DURATION, "ms", _RUN, "RunCreated to the run's end"),
    Metric("queue_ms", Kind.DURATION, "ms", _RUN, "the request to RunStarted"),
    Metric("model_ms", Kind.DURATION, "ms", _MODEL, "latency of ModelResponded and ModelFailed"),
    Metric("first_token_ms", Kind.DURATION, "ms", _MODEL, "time to the first token, if streamed"),
    Metric("tool_ms", Kind.DURATION, "ms", _TOOL, "latency of ToolCallSucceeded and -Failed"),
    Metric("approval_ms", Kind.DURATION, "ms", _RUN, "a person was asked to the answer"),
    Metric("live_runs", Kind.GAUGE, "runs", _RUN, "runs begun and not ended"),
    Metric("stuck_runs", Kind.GAUGE, "runs", _RUN, "live runs silent for longer than allowed"),
    Metric("waiting_runs", Kind.GAUGE, "runs", _RUN, "live runs that wait for a person"),
    Metric("oldest_wait_s", Kind.GAUGE, "s", _RUN, "how long the oldest such wait lasts"),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL_METRICS}
"""Every metric by its name."""
