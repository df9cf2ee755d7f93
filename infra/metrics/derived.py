"""What is worth knowing and follows from several metrics: each as one expression for Prometheus."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Derived:
    """A figure by the expression that gives it."""

    group: str
    name: str
    expression: str
    unit: str


def _rate(counter: str, by: str = "") -> str:
    return f"sum{by}(rate({counter}[1h]))"


def _p95(histogram: str, by: str) -> str:
    return f"histogram_quantile(0.95, sum by (le, {by}) (rate({histogram}_bucket[1h])))"


_SUCCESS = 'runfold_runs_ended_total{status="success"}'
_BY_AGENT = " by (agent) "
_INVALID = "runfold_tool_invalid_arguments_total"
_DOLLARS = (
    f"({_rate('runfold_model_cost_usd_total')}"
    f" + ({_rate('runfold_tool_cost_usd_total')} or vector(0)))"
)

DERIVED: tuple[Derived, ...] = (
    Derived(
        "quality",
        "task success",
        f"{_rate(_SUCCESS, _BY_AGENT)} / {_rate('runfold_runs_ended_total', _BY_AGENT)}",
        "share of ended runs",
    ),
    Derived(
        "quality",
        "user correction",
        f"{_rate('runfold_user_corrections_total', _BY_AGENT)}"
        f" / {_rate('runfold_runs_begun_total', _BY_AGENT)}",
        "messages a run",
    ),
    Derived(
        "quality",
        "human escalation",
        f"{_rate('runfold_human_questions_total', _BY_AGENT)}"
        f" / {_rate('runfold_runs_begun_total', _BY_AGENT)}",
        "questions a run",
    ),
    Derived(
        "quality",
        "tool-call accuracy",
        '1 - sum(rate(runfold_tool_calls_total{outcome="failed"}[1h]))'
        f" / {_rate('runfold_tool_calls_total')}",
        "share of tool calls that were answered",
    ),
    Derived(
        "latency", "time to first token", _p95("runfold_model_first_token_seconds", "model"), "s"
    ),
    Derived(
        "latency", "first useful action", _p95("runfold_run_first_action_seconds", "agent"), "s"
    ),
    Derived("latency", "completion", _p95("runfold_run_seconds", "agent"), "s"),
    Derived("latency", "model", _p95("runfold_model_call_seconds", "model"), "s"),
    Derived("latency", "tool", _p95("runfold_tool_call_seconds", "tool"), "s"),
    Derived("latency", "checkpoint", _p95("runfold_lane_transaction_seconds", "partition"), "s"),
    Derived("latency", "queue delay of runs", _p95("runfold_run_queue_seconds", "agent"), "s"),
    Derived("latency", "queue delay of calls", _p95("runfold_effect_wait_seconds", "kind"), "s"),
    Derived(
        "cost",
        "per run",
        f"{_rate('runfold_run_cost_usd_sum', _BY_AGENT)}"
        f" / {_rate('runfold_run_cost_usd_count', _BY_AGENT)}",
        "US dollars",
    ),
    Derived(
        "cost",
        "per successful task",
        f"{_rate('runfold_run_cost_usd_sum', _BY_AGENT)} / {_rate(_SUCCESS, _BY_AGENT)}",
        "US dollars, failed runs included",
    ),
    Derived(
        "cost",
        "retry cost",
        _rate('runfold_model_cost_usd_total{attempt="retry"}')
        + f" / {_rate('runfold_model_cost_usd_total')}",
        "share of model cost",
    ),
    Derived(
        "cost",
        "model mix",
        f"{_rate('runfold_model_calls_total', ' by (model) ')}"
        f" / scalar({_rate('runfold_model_calls_total')})",
        "share of model calls",
    ),
    Derived(
        "cost",
        "prompt cache",
        _rate('runfold_model_tokens_total{direction="cache_read"}')
        + " / "
        + _rate('runfold_model_tokens_total{direction="input"}'),
        "share of input tokens",
    ),
    Derived(
        "reliability",
        "run failure",
        _rate('runfold_runs_ended_total{status="failure"}', _BY_AGENT)
        + f" / {_rate('runfold_runs_ended_total', _BY_AGENT)}",
        "share of ended runs",
    ),
    Derived(
        "reliability",
        "tool time-out",
        _rate('runfold_tool_errors_total{error_type="timeout"}', " by (tool) ")
        + f" / {_rate('runfold_tool_calls_total', ' by (tool) ')}",
        "share of tool calls",
    ),
    Derived(
        "reliability",
        "provider fallback",
        _rate('runfold_model_calls_total{fallback="yes"}')
        + f" / {_rate('runfold_model_calls_total')}",
        "share of model calls",
    ),
    Derived(
        "safety",
        "approval denial",
        _rate('runfold_approvals_decided_total{decision="denied"}')
        + f" / {_rate('runfold_approvals_decided_total')}",
        "share of decisions",
    ),
    Derived(
        "safety",
        "policy violations",
        _rate('runfold_policy_decisions_total{effect="forbid"}')
        + f" / {_rate('runfold_policy_decisions_total')}",
        "share of decisions",
    ),
    Derived(
        "safety", "blocked calls", _rate("runfold_tool_calls_denied_total", " by (by) "), "1/s"
    ),
    Derived(
        "efficiency",
        "tokens per successful plan step",
        _rate('runfold_model_tokens_total{direction=~"input|output"}', _BY_AGENT)
        + f" / {_rate('runfold_plan_steps_done_total', _BY_AGENT)}",
        "tokens",
    ),
    Derived(
        "efficiency",
        "tool calls with valid arguments",
        "("
        + _rate('runfold_tool_proposals_total{arguments="well_formed"}')
        + " - "
        + f"({_rate(_INVALID)} or vector(0))"
        + f") / {_rate('runfold_tool_proposals_total')}",
        "share of proposed calls",
    ),
    Derived(
        "efficiency",
        "successful tasks per dollar",
        f"{_rate(_SUCCESS)} / {_DOLLARS}",
        "runs a US dollar",
    ),
)
