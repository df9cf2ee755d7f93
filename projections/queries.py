"""What people ask of the views: each question a function; rows as dicts with the columns' names."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select, text

from runfold.events.values import TERMINAL, ExitStatus, RunStatus
from runfold.projections.errors import NotCaughtUp
from runfold.projections.tables import (
    approvals,
    audit,
    checkpoints,
    dead_letters,
    model_calls,
    projection_failures,
    projection_positions,
    run_events,
    runs,
    tool_calls,
)

Row = dict[str, Any]

_LOOK_AGAIN_S = 0.02

EXIT_OF = {
    RunStatus.COMPLETED.value: ExitStatus.SUCCESS.value,
    RunStatus.FAILED.value: ExitStatus.FAILURE.value,
    RunStatus.CANCELLED.value: ExitStatus.CANCELLED.value,
}
"""How a run of a terminal status has ended; the exit of any other is null. An index knows exits."""


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs to list; what is None does not matter."""

    tenant_id: str | None = None
    status: str | None = None
    agent: str | None = None
    user_id: str | None = None
    thread_id: str | None = None
    parent_run_id: str | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuditSummary:
    """The state of all chains; every figure but the first two must be 0 in a sound system."""

    runs: int
    events: int
    broken_chains: int
    starts_without_permit: int
    projection_failures: int


def run(connection: Connection, run_id: str) -> Row | None:
    """Return a run's row of ``runs``, None if the view knows none."""
    return _one(connection, select(runs).where(runs.c.run_id == run_id))


def list_runs(connection: Connection, which: RunFilter | None = None, limit: int = 50) -> list[Row]:
    """Return rows of ``runs``, the newest first."""
    which = which or RunFilter()
    query = select(runs).order_by(runs.c.created_at.desc(), runs.c.run_id.desc()).limit(limit)
    for name in ("tenant_id", "status", "agent", "user_id", "thread_id", "parent_run_id"):
        wanted = getattr(which, name)
        if wanted is not None:
            query = query.where(runs.c[name] == wanted)
    if which.status is not None:
        query = query.where(runs.c.exit_status == EXIT_OF.get(which.status))
    if which.created_from is not None:
        query = query.where(runs.c.created_at >= which.created_from)
    if which.created_before is not None:
        query = query.where(runs.c.created_at < which.created_before)
    return _all(connection, query)


def timeline(
    connection: Connection, run_id: str, after_seq: int = 0, limit: int = 10_000
) -> list[Row]:
    """Return a run's rows of ``run_events`` after ``after_seq``, in order."""
    query = select(run_events).where(run_events.c.run_id == run_id, run_events.c.seq > after_seq)
    return _all(connection, query.order_by(run_events.c.seq).limit(limit))


def calls(connection: Connection, run_id: str) -> tuple[list[Row], list[Row]]:
    """Return a run's model calls and tool invocations, each in the order they were made."""
    models = select(model_calls).where(model_calls.c.run_id == run_id)
    tools = select(tool_calls).where(tool_calls.c.run_id == run_id)
    return (
        _all(connection, models.order_by(model_calls.c.called_at, model_calls.c.model_call_id)),
        _all(
            connection,
            tools.order_by(tool_calls.c.proposed_at, tool_calls.c.tool_call_id),
        ),
    )


def latest_checkpoint(connection: Connection, run_id: str) -> Row | None:
    """Return the checkpoint that a run can go on from, None before the first."""
    query = select(checkpoints).where(checkpoints.c.run_id == run_id)
    return _one(connection, query.order_by(checkpoints.c.step_number.desc()).limit(1))


def already_ran(connection: Connection, tool_name: str, idempotency_key: str) -> Row | None:
    """Return what became of a tool call with this key, None if it was never proposed [26]."""
    return _one(
        connection,
        select(tool_calls).where(
            tool_calls.c.tool_name == tool_name,
            tool_calls.c.idempotency_key == idempotency_key,
        ),
    )


def open_approvals(
    connection: Connection, tenant_id: str | None = None, run_id: str | None = None
) -> list[Row]:
    """Return what waits for a person in runs that have not ended, the oldest first."""
    live = select(runs.c.run_id).where(runs.c.status.not_in([s.value for s in TERMINAL]))
    query = select(approvals).where(approvals.c.status == "pending", approvals.c.run_id.in_(live))
    if tenant_id is not None:
        query = query.where(approvals.c.tenant_id == tenant_id)
    if run_id is not None:
        query = query.where(approvals.c.run_id == run_id)
    return _all(connection, query.order_by(approvals.c.requested_at, approvals.c.approval_id))


def audit_summary(connection: Connection) -> AuditSummary:
    """Return the state of every chain and of the permits."""
    counted = connection.execute(
        select(
            func.count(),
            func.coalesce(func.sum(audit.c.events), 0),
            func.count().filter(~audit.c.chain_ok),
        ).select_from(audit)
    ).one()
    unpermitted = connection.execute(
        text("SELECT count(*) FROM tool_calls_started_without_permit")
    ).scalar_one()
    failures = connection.execute(
        select(func.count()).select_from(projection_failures)
    ).scalar_one()
    return AuditSummary(counted[0], int(counted[1]), counted[2], unpermitted, failures)


def audit_of(connection: Connection, run_id: str) -> Row | None:
    """Return a run's row of ``audit``, None if the view knows none."""
    return _one(connection, select(audit).where(audit.c.run_id == run_id))


def list_dead_letters(connection: Connection, limit: int = 100) -> list[Row]:
    """Return what could not be used, the newest first."""
    query = select(dead_letters).order_by(
        dead_letters.c.time.desc(), dead_letters.c.topic, dead_letters.c.record_offset.desc()
    )
    return _all(connection, query.limit(limit))


def list_failures(connection: Connection, limit: int = 100) -> list[Row]:
    """Return the events that a view could not take."""
    return _all(connection, select(projection_failures).limit(limit))


def positions(connection: Connection) -> list[Row]:
    """Return how far every view is."""
    return _all(
        connection,
        select(projection_positions).order_by(
            projection_positions.c.view,
            projection_positions.c.topic,
            projection_positions.c.topic_partition,
        ),
    )


def wait_for(connection: Connection, run_id: str, seq: int, timeout_s: float = 10.0) -> None:
    """Return once every view has a run's event ``seq``; raises NotCaughtUp after the time given."""
    # All views move in one transaction, so the one that counts events speaks for all.
    query = select(audit.c.last_seq).where(audit.c.run_id == run_id)
    _wait(connection, query, seq, timeout_s, f"event {seq} of run {run_id}")


def wait_for_offset(
    connection: Connection, topic: str, partition: int, offset: int, timeout_s: float = 10.0
) -> None:
    """Return once every view has the record at this place; raises NotCaughtUp otherwise."""
    at = projection_positions.c
    query = select(func.min(at.next_offset)).where(
        at.topic == topic, at.topic_partition == partition
    )
    _wait(connection, query, offset + 1, timeout_s, f"{topic}/{partition}/{offset}")


def _wait(
    connection: Connection, query: Select[Any], wanted: int, timeout_s: float, what: str
) -> None:
    until = time.monotonic() + timeout_s
    while True:
        reached = connection.execute(query).scalar()
        # A transaction left open would not see what comes.
        connection.rollback()
        if reached is not None and reached >= wanted:
            return
        if time.monotonic() > until:
            raise NotCaughtUp(
                f"The views do not have {what} after {timeout_s:g} s: is the projector running? "
                "`runfold status` tells."
            )
        time.sleep(_LOOK_AGAIN_S)


def _one(connection: Connection, query: Select[Any]) -> Row | None:
    found = connection.execute(query).mappings().first()
    return None if found is None else dict(found)


def _all(connection: Connection, query: Select[Any]) -> list[Row]:
    return [dict(row) for row in connection.execute(query).mappings()]
