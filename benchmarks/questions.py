"""What people ask of the tables: every query of the command line, and those of the documents."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, text

from benchmarks.filling import Known
from runfold.projections import queries, spending
from runfold.projections.queries import RunFilter
from runfold.surfaces.cli.demo_results import QUERIES

Question = Callable[[Connection, Known], object]

LOOKUPS: dict[str, Question] = {
    "a run": lambda c, k: queries.run(c, k.run_id),
    "the newest runs": lambda c, _: queries.list_runs(c),
    "a tenant's runs": lambda c, k: queries.list_runs(c, RunFilter(tenant_id=k.tenant_id)),
    "a tenant's runs of a status": lambda c, k: queries.list_runs(
        c, RunFilter(tenant_id=k.tenant_id, status="completed")
    ),
    "a tenant's runs that wait": lambda c, k: queries.list_runs(
        c, RunFilter(tenant_id=k.tenant_id, status="waiting_for_human")
    ),
    "runs since": lambda c, k: queries.list_runs(c, RunFilter(created_from=k.late)),
    "runs before": lambda c, k: queries.list_runs(c, RunFilter(created_before=k.early)),
    "a conversation's runs": lambda c, k: queries.list_runs(c, RunFilter(thread_id=k.thread_id)),
    "a run's children": lambda c, k: queries.list_runs(c, RunFilter(parent_run_id=k.run_id)),
    "a timeline": lambda c, k: queries.timeline(c, k.run_id),
    "a timeline from the middle": lambda c, k: queries.timeline(c, k.run_id, after_seq=3),
    "a run's calls": lambda c, k: queries.calls(c, k.run_id),
    "the latest checkpoint": lambda c, k: queries.latest_checkpoint(c, k.run_id),
    "whether it already ran": lambda c, k: queries.already_ran(c, k.tool_name, k.idempotency_key),
    "a run's approvals": lambda c, k: queries.open_approvals(c, run_id=k.run_id),
    "open approvals": lambda c, _: queries.open_approvals(c),
    "a tenant's open approvals": lambda c, k: queries.open_approvals(c, tenant_id=k.tenant_id),
    "a run's audit": lambda c, k: queries.audit_of(c, k.run_id),
    "dead letters": lambda c, _: queries.list_dead_letters(c),
    "failures": lambda c, _: queries.list_failures(c),
    "positions": lambda c, _: queries.positions(c),
    "what a run cost": lambda c, k: spending.costs_by(c, "model", run_id=k.run_id),
    "what a tenant spent lately": lambda c, k: spending.costs_by(
        c, "agent", tenant_id=k.tenant_id, since=k.late
    ),
}
"""Questions whose answer is a part of the tables: they find it by an index."""

REPORTS: dict[str, Question] = {
    "the state of every chain": lambda c, _: queries.audit_summary(c),
    "everything that was spent": lambda c, _: spending.costs_by(c, "tenant_id"),
    "every budget": lambda c, _: spending.budgets(c),
}
"""Questions about everything: they read everything, once."""


def _shown(statement: str) -> Question:
    return lambda c, k: c.execute(text(statement), {"run_id": k.run_id}).all()


LOOKUPS |= {f"demo: {question}": _shown(statement) for question, statement in QUERIES.items()}


def of_documents(blocks: list[str]) -> tuple[dict[str, Question], dict[str, Question]]:
    """Return the documents' queries as lookups and reports: with a LIMIT they are the former."""
    lookups: dict[str, Question] = {}
    reports: dict[str, Question] = {}
    for block in blocks:
        statement = block.strip().rstrip(";")
        name = " ".join(statement.split())
        (lookups if " LIMIT " in name else reports)[f"`{name}`"] = _shown(statement)
    return lookups, reports
