"""Questions about runs: which there are, what happened in them, what they called."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import literal, select, tuple_

from runfold.events.values import ExitStatus, RunStatus
from runfold.projections.queries.scope import Row, Views
from runfold.projections.tables import (
    checkpoints,
    model_calls,
    run_events,
    run_requests,
    runs,
    tool_calls,
)

EXIT_OF = {
    RunStatus.COMPLETED.value: ExitStatus.SUCCESS.value,
    RunStatus.FAILED.value: ExitStatus.FAILURE.value,
    RunStatus.CANCELLED.value: ExitStatus.CANCELLED.value,
}
"""How a run of a terminal status has ended; the exit of any other is null. An index knows exits."""


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which of the runs that are seen to list; what is None does not matter.

    ``request_id`` is that of a request, or of a control, that a run was asked or steered with.
    ``after`` is the creation and the id of the run after which the list begins.
    """

    status: str | None = None
    agent: str | None = None
    user_id: str | None = None
    thread_id: str | None = None
    parent_run_id: str | None = None
    request_id: str | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None
    after: tuple[datetime, str] | None = None


def run(views: Views, run_id: str) -> Row | None:
    """Return a run's row of ``runs``, None if the view knows none."""
    return views.one(select(runs).where(runs.c.run_id == run_id, views.sees(runs)))


def list_runs(
    views: Views,
    which: RunFilter | None = None,
    limit: int = 50,
    columns: Collection[str] = (),
) -> list[Row]:
    """Return rows of ``runs``, the newest first; with ``columns`` no others of each."""
    which = which or RunFilter()
    query = select(*(runs.c[name] for name in columns) if columns else (runs,))
    query = query.where(views.counts(runs)).limit(limit)
    for name in ("status", "agent", "user_id", "thread_id", "parent_run_id"):
        wanted = getattr(which, name)
        if wanted is not None:
            query = query.where(runs.c[name] == wanted)
    if which.request_id is not None:
        asked = select(run_requests.c.run_id).where(
            run_requests.c.request_id == which.request_id, views.sees(run_requests)
        )
        query = query.where(runs.c.run_id.in_(asked))
    if which.status is not None:
        query = query.where(runs.c.exit_status == EXIT_OF.get(which.status))
        # All of these rows have one exit. Said here, the index of exits gives them in order, also
        # where it is null; left out, every live run of the tenant is read and sorted.
        query = query.order_by(runs.c.exit_status.desc())
    query = query.order_by(runs.c.created_at.desc(), runs.c.run_id.desc())
    if which.created_from is not None:
        query = query.where(runs.c.created_at >= which.created_from)
    if which.created_before is not None:
        query = query.where(runs.c.created_at < which.created_before)
    if which.after is not None:
        place = tuple_(*(literal(each) for each in which.after))
        query = query.where(tuple_(runs.c.created_at, runs.c.run_id) < place)
    return views.all(query)


def ids_beginning_with(views: Views, prefix: str, limit: int = 3) -> list[str]:
    """Return the ids of at most ``limit`` runs that begin so and are somebody's work."""
    query = select(runs.c.run_id).where(
        runs.c.run_id.startswith(prefix, autoescape=True), views.counts(runs)
    )
    return [row["run_id"] for row in views.all(query.order_by(runs.c.run_id).limit(limit))]


def timeline(views: Views, run_id: str, after_seq: int = 0, limit: int = 10_000) -> list[Row]:
    """Return a run's rows of ``run_events`` after ``after_seq``, in order."""
    query = select(run_events).where(
        run_events.c.run_id == run_id, run_events.c.seq > after_seq, views.sees(run_events)
    )
    return views.all(query.order_by(run_events.c.seq).limit(limit))


def calls(views: Views, run_id: str) -> tuple[list[Row], list[Row]]:
    """Return a run's model calls and tool calls, each in the order they were made."""
    models = select(model_calls).where(model_calls.c.run_id == run_id, views.sees(model_calls))
    tools = select(tool_calls).where(tool_calls.c.run_id == run_id, views.sees(tool_calls))
    return (
        views.all(models.order_by(model_calls.c.called_at, model_calls.c.model_call_id)),
        views.all(tools.order_by(tool_calls.c.proposed_at, tool_calls.c.tool_call_id)),
    )


def latest_checkpoint(views: Views, run_id: str) -> Row | None:
    """Return the checkpoint that a run can go on from, None before the first."""
    query = select(checkpoints).where(checkpoints.c.run_id == run_id, views.sees(checkpoints))
    return views.one(query.order_by(checkpoints.c.step_number.desc()).limit(1))


def already_ran(views: Views, tool_name: str, idempotency_key: str) -> Row | None:
    """Return what became of a tool call with this key, None if it was never proposed [26]."""
    return views.one(
        select(tool_calls).where(
            tool_calls.c.tool_name == tool_name,
            tool_calls.c.idempotency_key == idempotency_key,
            views.sees(tool_calls),
        )
    )
