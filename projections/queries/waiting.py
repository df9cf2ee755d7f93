"""Questions about waiting: what waits for a person, and waiting until the views have something."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Select, func, literal, null, select

from runfold.events.values import TERMINAL, RunStatus
from runfold.projections.errors import NotCaughtUp
from runfold.projections.queries.scope import OperatorViews, Row, Views
from runfold.projections.tables import (
    approvals,
    audit,
    definition_versions,
    projection_positions,
    runs,
    tool_calls,
)

_LOOK_AGAIN_S = 0.02
_OF_THE_RUN = ("agent", "agent_version", "user_id", "goal", "cost_usd", "unpriced_calls")
_OF_THE_CALL = ("arguments_json", "tool_version")


def open_approvals(views: Views, run_id: str | None = None) -> list[Row]:
    """Return what waits for a person in runs that have not ended, the oldest first.

    A row is one of ``approvals`` with its call's ``tool_version`` and ``arguments_json``, those
    that will be used; with ``effect`` and ``reversible`` of the tool's contract; and its run's
    ``agent``, ``agent_version``, ``user_id``, ``goal``, ``cost_usd`` so far and ``unpriced_calls``.
    """
    asked = select(
        *(approvals.c[name] for name in _SHOWN),
        *(tool_calls.c[name] for name in _OF_THE_CALL),
        *(runs.c[name] for name in _OF_THE_RUN),
        *_contract(),
    ).select_from(
        approvals.join(runs, runs.c.run_id == approvals.c.run_id).outerjoin(
            tool_calls, tool_calls.c.tool_call_id == approvals.c.approval_id
        )
    )
    asked = asked.where(
        approvals.c.status == "pending",
        runs.c.status.not_in([s.value for s in TERMINAL]),
        views.sees(approvals),
    )
    if run_id is not None:
        asked = asked.where(approvals.c.run_id == run_id)
    return views.all(asked.order_by(approvals.c.requested_at, approvals.c.approval_id))


_SHOWN = (
    "approval_id", "kind", "run_id", "tenant_id", "tool_name", "question", "options_json",
    "arguments_digest", "risk_level", "requested_at", "deadline", "shown_digest",
    "cost_so_far_usd", "approvals_needed", "approvers_json", "terms_json",
    "step", "steps", "asks_json", "asks_until", "asks_text",
)  # fmt: skip


def _contract() -> Iterator[Any]:
    """Yield what a call's contract says that it does; a tenant's own hides the one of all."""
    at, calls = definition_versions.c, tool_calls.c
    for name, said in (
        ("effect", func.coalesce(at.effect, at.description)),
        ("reversible", at.reversible),
    ):
        found = select(said).where(
            at.kind == "tool",
            at.name == calls.tool_name,
            at.version == calls.tool_version,
            at.tenant.in_(["", calls.tenant_id]),
        )
        newest = found.order_by(at.tenant.desc()).limit(1).correlate(tool_calls)
        yield newest.scalar_subquery().label(name)


def uncertain_calls(views: Views, run_id: str | None = None) -> list[Row]:
    """Return the calls in live runs of which nobody knows whether they happened, the oldest first.

    Rows are those of ``open_approvals``; their ``kind`` is uncertain.
    """
    calls = tool_calls.c
    # It has no end; a call of which a lost process was the only witness may have no beginning.
    since = func.coalesce(calls.started_at, calls.proposed_at)
    shown = {
        "approval_id": calls.tool_call_id,
        "kind": literal("uncertain"),
        "run_id": calls.run_id,
        "tenant_id": calls.tenant_id,
        "tool_name": calls.tool_name,
        "question": func.concat("did ", calls.tool_name, " happen?"),
        "options_json": null(),
        "arguments_digest": null(),
        "risk_level": calls.risk_level,
        "requested_at": since,
        "deadline": null(),
        "shown_digest": null(),
        "cost_so_far_usd": null(),
        "approvals_needed": null(),
        "approvers_json": null(),
        "terms_json": null(),
        "step": null(),
        "steps": null(),
        "asks_json": null(),
        "asks_until": null(),
        "asks_text": null(),
        **{name: calls[name] for name in _OF_THE_CALL},
    }
    query = select(
        *(column.label(name) for name, column in shown.items()),
        *(runs.c[name] for name in _OF_THE_RUN),
        *_contract(),
    ).select_from(runs.join(tool_calls, calls.run_id == runs.c.run_id))
    query = query.where(
        # The exit is what an index knows: the live are few.
        runs.c.exit_status.is_(None),
        runs.c.status == RunStatus.WAITING_FOR_HUMAN.value,
        calls.status == "uncertain",
        views.sees(runs),
    )
    if run_id is not None:
        query = query.where(runs.c.run_id == run_id)
    return views.all(query.order_by(since, calls.tool_call_id))


def wait_for(views: Views, run_id: str, seq: int, timeout_s: float = 10.0) -> None:
    """Return once every view has a run's event ``seq``; raises NotCaughtUp after the time given."""
    # All views move in one transaction, so the one that counts events speaks for all.
    query = select(audit.c.last_seq).where(audit.c.run_id == run_id, views.sees(audit))
    _wait(views, query, seq, timeout_s, f"event {seq} of run {run_id}")


def wait_for_offset(
    views: OperatorViews, topic: str, partition: int, offset: int, timeout_s: float = 10.0
) -> None:
    """Return once every view has the record at this place; raises NotCaughtUp otherwise."""
    at = projection_positions.c
    query = select(func.min(at.next_offset)).where(
        at.topic == topic, at.topic_partition == partition
    )
    _wait(views, query, offset + 1, timeout_s, f"{topic}/{partition}/{offset}")


def _wait(views: Views, query: Select[Any], wanted: int, timeout_s: float, what: str) -> None:
    until = time.monotonic() + timeout_s
    while True:
        reached = views.connection.execute(query).scalar()
        # A transaction left open would not see what comes.
        views.connection.rollback()
        if reached is not None and reached >= wanted:
            return
        if time.monotonic() > until:
            raise NotCaughtUp(
                f"The views do not have {what} after {timeout_s:g} s: is the projector running? "
                "See `runfold status`."
            )
        time.sleep(_LOOK_AGAIN_S)
