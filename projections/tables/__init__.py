"""The tables that people query; the comments here are the reference in docs/tables.md."""

from runfold.projections.tables.audit import audit, dead_letters, policy_decisions
from runfold.projections.tables.base import METADATA
from runfold.projections.tables.calls import approvals, model_calls, tool_calls
from runfold.projections.tables.costs import costs
from runfold.projections.tables.definitions import definition_decisions, definition_versions
from runfold.projections.tables.machinery import (
    projection_failures,
    projection_positions,
    summaries_due,
)
from runfold.projections.tables.repricings import repriced_costs, repricings
from runfold.projections.tables.runs import (
    call_checkpoints,
    checkpoints,
    run_events,
    run_requests,
    runs,
)
from runfold.projections.tables.tenants import tenant_budgets, tenant_erasures, tenant_runs

__all__ = [
    "METADATA",
    "approvals",
    "audit",
    "call_checkpoints",
    "checkpoints",
    "costs",
    "dead_letters",
    "definition_decisions",
    "definition_versions",
    "model_calls",
    "policy_decisions",
    "projection_failures",
    "projection_positions",
    "repriced_costs",
    "repricings",
    "run_events",
    "run_requests",
    "runs",
    "summaries_due",
    "tenant_budgets",
    "tenant_erasures",
    "tenant_runs",
    "tool_calls",
]
