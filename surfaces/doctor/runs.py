"""Runs that do not move, and runs that wait for a person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from runfold.events import topics
from runfold.events.run import Event
from runfold.events.values import TERMINAL, RunStatus
from runfold.processors.engine.aggregate import NewerReleaseError
from runfold.processors.run.evolve import evolve
from runfold.processors.run.lifecycle.deadlines import next_timer
from runfold.processors.run.state import WAITS_FOR_HUMAN, Live, RunState
from runfold.projections.queries import OperatorViews
from runfold.projections.queries.waiting import uncertain_calls
from runfold.projections.tables import approvals, runs
from runfold.surfaces.doctor.deployment import Deployment
from runfold.surfaces.doctor.finding import Finding, ok, span, warning, wrong

_LOOKED_AT = 20
_MAY_REST = (*TERMINAL, RunStatus.WAITING_FOR_HUMAN, RunStatus.PAUSED, RunStatus.QUEUED)


def check_stuck(deployment: Deployment) -> Iterator[Finding]:
    """Find live runs whose next deadline is over, or that have none and wait for nobody."""
    quiet = deployment.now() - timedelta(seconds=deployment.limits.run_silent_s)
    query = (
        select(runs.c.run_id, runs.c.status, runs.c.updated_at, runs.c.first_offset)
        .add_columns(runs.c.journal_partition)
        .where(runs.c.status.not_in([s.value for s in _MAY_REST]), runs.c.updated_at < quiet)
        .order_by(runs.c.updated_at)
        .limit(_LOOKED_AT)
    )
    with deployment.engine.connect() as connection:
        silent = connection.execute(query).mappings().all()
    stuck = [row for row in silent if _is_stuck(deployment, row)]
    for row in stuck:
        yield wrong(
            "runs",
            f"run {row['run_id']} is {row['status']} and silent for "
            f"{span(deployment.age(row['updated_at']))}, though something was due",
            f"`runfold logs {row['run_id']}`; if its lane works, `runfold cancel {row['run_id']}`",
        )
    if not stuck:
        yield ok("runs", "none is stuck")


def check_approvals(deployment: Deployment) -> Iterator[Finding]:
    """Find approvals and questions that have waited long, and every call that is uncertain."""
    live = select(runs.c.run_id).where(runs.c.status.not_in([s.value for s in TERMINAL]))
    before = deployment.now() - timedelta(seconds=deployment.limits.approval_waits_s)
    query = select(func.count(), func.min(approvals.c.requested_at)).where(
        approvals.c.status == "pending",
        approvals.c.run_id.in_(live),
        approvals.c.requested_at < before,
    )
    with deployment.engine.connect() as connection:
        asked, first = connection.execute(query).one()
        doubted = uncertain_calls(OperatorViews(connection, "runfold doctor"))
    # A call of which nobody knows whether it happened holds its run up at once.
    since = [first] if asked else []
    since += [row["requested_at"] for row in doubted]
    count, oldest = asked + len(doubted), min(since, default=None)
    if oldest is None:
        yield ok("approvals", "nothing has waited long for a person")
        return
    yield warning(
        "approvals",
        f"{count} wait for a person, the oldest for {span(deployment.age(oldest))}",
        "`runfold approvals`, then `runfold approve CALL`, `runfold deny CALL`, "
        "`runfold answer CALL` or `runfold resolve CALL`",
    )


def _is_stuck(deployment: Deployment, row: Any) -> bool:
    """Return whether the journal itself says that the run should have moved."""
    start = {int(row["journal_partition"]): int(row["first_offset"])}
    told = deployment.reader.read(topics.EVENTS, start, key=row["run_id"])
    state: RunState | None = None
    latest = row["updated_at"]
    for each in told:
        if isinstance(each.record, Event):
            latest = each.record.meta.time
            try:
                state = evolve(state, each.record.fact, latest)
            except NewerReleaseError:
                # Its lane leaves it alone, and says so.
                return False
    if not isinstance(state, Live) or state.idle.paused:
        return False
    if any(call.status in WAITS_FOR_HUMAN for call in state.loop.calls):
        return False
    if deployment.age(latest) <= deployment.limits.run_silent_s:
        return False
    due = next_timer(state)
    return due is None or deployment.age(due.due) > deployment.limits.overdue_s
