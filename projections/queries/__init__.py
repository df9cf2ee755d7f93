"""What people ask of the views: each question a function, its first argument whose rows it sees.

Rows are dicts with the columns' names.
"""

from runfold.projections.queries.access import rules_used, runs_started, tools_used
from runfold.projections.queries.audit import AuditSummary, audit_of, audit_summary
from runfold.projections.queries.checkpoints import checkpoints_of
from runfold.projections.queries.operating import (
    evidence_of,
    list_dead_letters,
    list_failures,
    live_runs,
    oldest_live_run,
    positions,
    reached,
    set_aside,
    unread,
)
from runfold.projections.queries.runs import (
    EXIT_OF,
    RunFilter,
    already_ran,
    calls,
    ids_beginning_with,
    latest_checkpoint,
    list_runs,
    run,
    timeline,
)
from runfold.projections.queries.scope import OperatorViews, TenantViews, Views
from runfold.projections.queries.spending import By, Dimension, budgets, costs_by
from runfold.projections.queries.tenants import (
    list_tenants,
    set_aside_at_tenants,
    tenant_budgets_in_use,
)
from runfold.projections.queries.waiting import (
    open_approvals,
    uncertain_calls,
    wait_for,
    wait_for_offset,
)

__all__ = [
    "EXIT_OF",
    "AuditSummary",
    "By",
    "Dimension",
    "OperatorViews",
    "RunFilter",
    "TenantViews",
    "Views",
    "already_ran",
    "audit_of",
    "audit_summary",
    "budgets",
    "calls",
    "checkpoints_of",
    "costs_by",
    "evidence_of",
    "ids_beginning_with",
    "latest_checkpoint",
    "list_dead_letters",
    "list_failures",
    "list_runs",
    "list_tenants",
    "live_runs",
    "oldest_live_run",
    "open_approvals",
    "positions",
    "reached",
    "rules_used",
    "run",
    "runs_started",
    "set_aside",
    "set_aside_at_tenants",
    "tenant_budgets_in_use",
    "timeline",
    "tools_used",
    "uncertain_calls",
    "unread",
    "wait_for",
    "wait_for_offset",
]
