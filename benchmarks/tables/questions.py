"""What people ask of the tables: every query of the command line, and those of the documents."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, text

from benchmarks.tables.bulk_load import Known
from runfold.projections import queries
from runfold.projections.queries import OperatorViews, RunFilter, TenantViews
from runfold.surfaces.cli.demo.results import QUERIES

Question = Callable[[Connection, Known], object]


def _all(connection: Connection) -> OperatorViews:
    return OperatorViews(connection, "a benchmark")


def _tenant(connection: Connection, known: Known) -> TenantViews:
    return TenantViews(connection, known.tenant_id)


LOOKUPS: dict[str, Question] = {
    "a run": lambda c, k: queries.run(_all(c), k.run_id),
    "the newest runs": lambda c, _: queries.list_runs(_all(c)),
    "a tenant's runs": lambda c, k: queries.list_runs(_tenant(c, k)),
    "a tenant's runs of a status": lambda c, k: queries.list_runs(
        _tenant(c, k), RunFilter(status="completed")
    ),
    "a tenant's runs that wait": lambda c, k: queries.list_runs(
        _tenant(c, k), RunFilter(status="waiting_for_human")
    ),
    "runs since": lambda c, k: queries.list_runs(_all(c), RunFilter(created_from=k.late)),
    "runs before": lambda c, k: queries.list_runs(_all(c), RunFilter(created_before=k.early)),
    "a conversation's runs": lambda c, k: queries.list_runs(
        _all(c), RunFilter(thread_id=k.thread_id)
    ),
    "a run's children": lambda c, k: queries.list_runs(_all(c), RunFilter(parent_run_id=k.run_id)),
    "a timeline": lambda c, k: queries.timeline(_all(c), k.run_id),
    "a timeline from the middle": lambda c, k: queries.timeline(_all(c), k.run_id, after_seq=3),
    "a run's calls": lambda c, k: queries.calls(_all(c), k.run_id),
    "the latest checkpoint": lambda c, k: queries.latest_checkpoint(_all(c), k.run_id),
    "whether it already ran": lambda c, k: queries.already_ran(
        _all(c), k.tool_name, k.idempotency_key
    ),
    "a tenant's run": lambda c, k: queries.run(_tenant(c, k), k.run_id),
    "runs beginning so": lambda c, k: queries.ids_beginning_with(_all(c), k.run_id[:30]),
    "a tenant's runs beginning so": lambda c, k: queries.ids_beginning_with(
        _tenant(c, k), k.run_id[:30]
    ),
    "a run's approvals": lambda c, k: queries.open_approvals(_all(c), run_id=k.run_id),
    "open approvals": lambda c, _: queries.open_approvals(_all(c)),
    "a tenant's open approvals": lambda c, k: queries.open_approvals(_tenant(c, k)),
    "uncertain calls": lambda c, _: queries.uncertain_calls(_all(c)),
    "a tenant's uncertain calls": lambda c, k: queries.uncertain_calls(_tenant(c, k)),
    "a run's audit": lambda c, k: queries.audit_of(_all(c), k.run_id),
    "dead letters": lambda c, _: queries.list_dead_letters(_all(c)),
    "failures": lambda c, _: queries.list_failures(_all(c)),
    "positions": lambda c, _: queries.positions(_all(c)),
    "what a run cost": lambda c, k: queries.costs_by(_all(c), "model", run_id=k.run_id),
    "what a tenant spent lately": lambda c, k: queries.costs_by(
        _tenant(c, k), "agent", since=k.late
    ),
}
"""Questions whose answer is a part of the tables: they find it by an index."""

REPORTS: dict[str, Question] = {
    "the state of every chain": lambda c, _: queries.audit_summary(_all(c)),
    "everything that was spent": lambda c, _: queries.costs_by(_all(c), "tenant_id"),
    "every budget": lambda c, _: queries.budgets(_all(c)),
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
