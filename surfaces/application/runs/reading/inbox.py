"""The inbox: what waits for a person, with all that is needed to decide."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from runfold.events.definitions.tool import RISKS
from runfold.events.people.approvals import HoldsFor
from runfold.producers.client.deciding import SCOPES
from runfold.projections import queries
from runfold.projections.queries import Views
from runfold.projections.queries.scope import Row
from runfold.surfaces.application import shapes


def approvals(views: Views, run_id: str | None = None) -> list[shapes.Approval]:
    """Return what waits in live runs, or in one of them, the oldest first."""
    found = [*queries.open_approvals(views, run_id), *queries.uncertain_calls(views, run_id)]
    found.sort(key=lambda row: (row["requested_at"], row["approval_id"]))
    return [
        shapes.Approval(
            approval_id=row["approval_id"],
            call_id=row["approval_id"],
            kind=row["kind"],
            run_id=row["run_id"],
            tenant_id=row["tenant_id"],
            user_id=row["user_id"],
            agent=row["agent"],
            agent_version=row["agent_version"],
            goal=row["goal"],
            tool=row["tool_name"],
            tool_version=row["tool_version"],
            arguments=row["arguments_json"],
            arguments_digest=row["arguments_digest"],
            question=row["question"],
            options=row["options_json"],
            risk_level=row["risk_level"],
            risk=_risk(row["risk_level"]),
            effect=row["effect"],
            reversible=row["reversible"],
            requested_at=row["requested_at"],
            deadline=row["deadline"],
            step=row["step"],
            steps=row["steps"],
            asks=tuple(row["asks_json"] or ()),
            asks_until=_until(row),
            asks_text=row["asks_text"] or "",
            cost_usd=_first(row["cost_so_far_usd"], row["cost_usd"]),
            unpriced_calls=row["unpriced_calls"],
            shown_digest=row["shown_digest"],
            approvals_needed=_needed(row),
            approved_by=tuple(each["id"] for each in row["approvers_json"] or ()),
            terms=row["terms_json"],
            may_hold_for=_may_hold_for(row),
        )
        for row in found
    ]


def _first(*values: Any) -> Any:
    return next((each for each in values if each is not None), None)


def _needed(row: Row) -> int | None:
    """Return how many must approve, None of what is not approved."""
    return (row["approvals_needed"] or 1) if row["kind"] == "tool_call" else None


def _may_hold_for(row: Row) -> tuple[str, ...]:
    """Return for what an approval can hold; calls of older behaviours are approved once."""
    if row["kind"] != "tool_call":
        return ()
    once = row["shown_digest"] is None or (row["terms_json"] or {}).get("once")
    return (HoldsFor.ONCE.value,) if once else SCOPES


def _risk(level: int | None) -> str | None:
    return RISKS[level] if level is not None and 0 <= level < len(RISKS) else None


def _until(row: Row) -> datetime | None:
    """Return until when those of now are asked; the last step that ends in nothing has no end."""
    last = row["step"] is not None and row["step"] == row["steps"]
    until: datetime | None = row["asks_until"]
    return None if last and row["deadline"] is None else until
