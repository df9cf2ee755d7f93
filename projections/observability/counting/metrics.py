"""What is counted of runs; every number here follows from events of the journal alone."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

from runfold.infra.metrics.bounded import Bounded
from runfold.infra.metrics.table import LONG_SECONDS, TABLE

_BY = "projector"
_DOLLARS = (0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 50, 100)
_TOKENS = (100, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 500_000, 1_000_000)

RUNS_BEGUN = TABLE.counter("runfold_runs_begun", "RunCreated", ["agent"], process=_BY)
RUNS_QUEUED = TABLE.counter(
    "runfold_runs_queued",
    "RunQueued with a position: runs that their tenant did not admit at once",
    ["agent"],
    process=_BY,
)
RUNS_REFUSED = TABLE.counter("runfold_runs_refused", "RunRefused by code", ["code"], process=_BY)
RUNS_ENDED = TABLE.counter(
    "runfold_runs_ended",
    "RunCompleted, RunFailed and RunCancelled by exit.status (success, failure, cancelled) "
    "and exit_code",
    ["agent", "status", "exit_code"],
    process=_BY,
)
RUN_FAILURES = TABLE.counter(
    "runfold_run_failures", "RunFailed by error_type", ["agent", "error_type"], process=_BY
)
RUN_SECONDS = TABLE.histogram(
    "runfold_run_seconds",
    "exit.usage.latency_ms of ended runs: from RunCreated to the end, waiting for people included",
    ["agent", "status"],
    buckets=LONG_SECONDS,
    process=_BY,
)
QUEUE_SECONDS = TABLE.histogram(
    "runfold_run_queue_seconds",
    "from the request's requested_at (its requester's clock) to RunStarted",
    ["agent"],
    buckets=LONG_SECONDS,
    process=_BY,
)
FIRST_ACTION_SECONDS = TABLE.histogram(
    "runfold_run_first_action_seconds",
    "from RunCreated to the run's first ToolCallStarted: the first useful action",
    ["agent"],
    buckets=LONG_SECONDS,
    process=_BY,
)
RUN_DOLLARS = TABLE.histogram(
    "runfold_run_cost_usd",
    "exit.usage.cost_usd of ended runs; calls without a known price are not in it",
    ["agent", "status"],
    unit="US dollars",
    buckets=_DOLLARS,
    process=_BY,
)
RUN_TOKENS = TABLE.histogram(
    "runfold_run_tokens",
    "exit.usage.total_tokens of ended runs",
    ["agent", "status"],
    unit="tokens",
    buckets=_TOKENS,
    process=_BY,
)
LIMITS = TABLE.counter(
    "runfold_limits_reached", "LimitReached by limit", ["agent", "limit"], process=_BY
)
BRAKES = TABLE.counter(
    "runfold_brakes",
    "BrakeApplied by pattern (the detector) and action (slow, think_again, ask, hand_over, stop)",
    ["agent", "pattern", "action"],
    process=_BY,
)
TAKEOVERS = TABLE.counter(
    "runfold_takeovers", "RunTakenOver: runs in which a person answered", ["agent"], process=_BY
)
CHECKPOINTS = TABLE.counter("runfold_checkpoints", "CheckpointWritten", ["agent"], process=_BY)
CHECKPOINT_SECONDS = TABLE.histogram(
    "runfold_checkpoint_seconds",
    "from the first tool result that no checkpoint holds yet to CheckpointWritten; what makes it "
    "durable is runfold_lane_transaction_seconds",
    ["agent"],
    process=_BY,
)
PLAN_STEPS_DONE = TABLE.counter(
    "runfold_plan_steps_done",
    "steps of a run's plan that became done (PlanProposed, PlanRevised)",
    ["agent"],
    process=_BY,
)
REFLECTIONS = TABLE.counter(
    "runfold_reflections", "ReflectionRecorded by passed (yes, no)", ["passed"], process=_BY
)
REDACTIONS = TABLE.counter(
    "runfold_context_redactions", "sum of ContextHydrated.redactions", ["agent"], process=_BY
)
DROPPED = TABLE.counter(
    "runfold_context_dropped",
    "things that ContextHydrated and ContextSelected left out",
    ["agent"],
    process=_BY,
)


def _calls(
    kind: str, counted: str, counted_by: list[str], timed: str, timed_by: list[str]
) -> tuple[Bounded[Counter], Bounded[Histogram]]:
    """Return what every kind of call has: a counter of how calls ended, and their time."""
    return (
        TABLE.counter(f"runfold_{kind}_calls", counted, counted_by, process=_BY),
        TABLE.histogram(f"runfold_{kind}_call_seconds", timed, timed_by, process=_BY),
    )


CONTEXT_CALLS, CONTEXT_SECONDS = _calls(
    "context",
    "ContextSelected (outcome succeeded) and ContextFailed (failed)",
    ["agent", "outcome"],
    "latency_ms of ContextSelected and ContextFailed",
    ["outcome"],
)

MODEL_CALLS, MODEL_SECONDS = _calls(
    "model",
    "ModelResponded (outcome succeeded) and ModelFailed (failed); fallback says whether another "
    "model than the first one asked answered",
    ["agent", "model", "outcome", "fallback"],
    "latency_ms of ModelResponded and ModelFailed, fallbacks and waiting between them included",
    ["model", "outcome"],
)
FIRST_TOKEN_SECONDS = TABLE.histogram(
    "runfold_model_first_token_seconds",
    "time_to_first_token_ms of ModelResponded; nothing where the provider did not stream",
    ["model"],
    process=_BY,
)
MODEL_ERRORS = TABLE.counter(
    "runfold_model_errors",
    "ProviderAttempts with an error_type, of calls that failed or were answered in the end",
    ["model", "error_type"],
    process=_BY,
)
MODEL_TOKENS = TABLE.counter(
    "runfold_model_tokens",
    "usage of ModelResponded and of answers that came too late, by direction: input (cache_read "
    "and cache_write included in it), output, cache_read, cache_write, reasoning",
    ["agent", "model", "direction"],
    unit="tokens",
    process=_BY,
)
SENSITIVE = TABLE.counter(
    "runfold_model_sensitive_values",
    "personal data and secrets of agents that redact, by kind and outcome: hidden (redacted of "
    "ModelResponded: the model had tokens for them, in each call) or exposed (exposed: the answer "
    "holds them, in words)",
    ["agent", "kind", "outcome"],
    process=_BY,
)
COST = TABLE.counter(
    "runfold_model_cost_usd",
    "cost of ModelResponded, and of answers that came too late, by attempt (first, retry); a float "
    "for trends: the table costs has the exact decimals",
    ["agent", "model", "attempt"],
    unit="US dollars",
    process=_BY,
)
UNPRICED = TABLE.counter(
    "runfold_model_unpriced_calls",
    "ModelResponded, and answers that came too late, without a cost: unpriced, which is not zero",
    ["model"],
    process=_BY,
)

PROPOSALS = TABLE.counter(
    "runfold_tool_proposals",
    "tool calls in answers of models, by arguments: well_formed (a JSON object) or malformed",
    ["agent", "arguments"],
    process=_BY,
)
INVALID = TABLE.counter(
    "runfold_tool_invalid_arguments",
    "calls whose arguments are a JSON object and break the schema: ToolCallDenied with that code, "
    "and the first ToolCallFailed of a call with that error",
    ["agent"],
    process=_BY,
)
POLICY = TABLE.counter(
    "runfold_policy_decisions",
    "PolicyDecided by effect (permit, forbid) and action",
    ["effect", "action"],
    process=_BY,
)
DENIED = TABLE.counter(
    "runfold_tool_calls_denied",
    "ToolCallDenied: calls blocked by a person, the policy or a deadline (timer)",
    ["agent", "by"],
    process=_BY,
)
APPROVALS_ASKED = TABLE.counter(
    "runfold_approvals_requested", "ApprovalRequested", ["tool"], process=_BY
)
APPROVALS = TABLE.counter(
    "runfold_approvals_decided",
    "answers to ApprovalRequested: approved, edited (approved with other arguments), denied",
    ["tool", "decision"],
    process=_BY,
)
APPROVAL_SECONDS = TABLE.histogram(
    "runfold_approval_wait_seconds",
    "from ApprovalRequested to its answer",
    ["tool"],
    buckets=LONG_SECONDS,
    process=_BY,
)
TOOL_CALLS, TOOL_SECONDS = _calls(
    "tool",
    "ToolCallSucceeded (succeeded, or repeated: answered by an earlier execution), ToolCallFailed, "
    "ToolCallUncertain",
    ["tool", "outcome"],
    "latency_ms of the same events",
    ["tool", "outcome"],
)
TOOL_ERRORS = TABLE.counter(
    "runfold_tool_errors",
    "ToolCallFailed by error_type, among them timeout and invalid_arguments",
    ["tool", "error_type"],
    process=_BY,
)
SIGNS = TABLE.counter(
    "runfold_injection_signs",
    "signs of ToolCallSucceeded and ToolCallFailed by pattern: passages in what strangers wrote "
    "that seem to give orders to a model",
    ["tool", "pattern"],
    process=_BY,
)
TOOL_COST = TABLE.counter(
    "runfold_tool_cost_usd",
    "cost of ToolCallSucceeded, ToolCallFailed, ToolCallUncertain and of results that came too "
    "late, and of every other call that is no model's by its name; a float for trends",
    ["agent", "tool"],
    unit="US dollars",
    process=_BY,
)
HELD = TABLE.counter(
    "runfold_calls_held",
    "CallHeld by kind (model, tool, context) and code: attempts that could not begin",
    ["kind", "code"],
    process=_BY,
)
HANDED_OUT_AGAIN = TABLE.counter(
    "runfold_calls_handed_out_again",
    "CallHandedOutAgain: calls that nobody had begun for long",
    process=_BY,
)
RETRIES = TABLE.counter(
    "runfold_retries",
    "ModelCalled, ContextCalled and ToolCallStarted with an attempt above 1, by kind; one after an "
    "attempt that was held is none",
    ["kind"],
    process=_BY,
)
LATE = TABLE.counter("runfold_late_results", "LateResultNoted by outcome", ["outcome"], process=_BY)

QUESTIONS = TABLE.counter(
    "runfold_human_questions",
    "HumanInputRequested: the agent, or a brake, asked a person",
    ["agent"],
    process=_BY,
)
CORRECTIONS = TABLE.counter(
    "runfold_user_corrections",
    "UserMessageReceived after the goal, by kind (message, instructions)",
    ["agent", "kind"],
    process=_BY,
)
IGNORED = TABLE.counter(
    "runfold_requests_ignored", "RequestIgnored by control", ["control"], process=_BY
)
