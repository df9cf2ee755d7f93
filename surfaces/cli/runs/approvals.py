"""``approvals``: what waits for a person, on the screen."""

from __future__ import annotations

from collections.abc import Sequence

from runfold.surfaces.application.rendering import to_json
from runfold.surfaces.application.shapes import Approval
from runfold.surfaces.cli import output
from runfold.surfaces.words import shortened, spent

_COLUMNS = ("call", "kind", "agent", "for", "since", "risk", "deadline", "cost", "question")


def show_approvals(found: Sequence[Approval], *, json: bool) -> None:
    """Print what waits, each with the arguments that will be used."""
    if json:
        output.as_json(found)
        return
    rows = [
        (
            output.short(each.call_id),
            each.kind,
            each.agent,
            each.user_id,
            each.requested_at,
            each.risk_level,
            each.deadline,
            spent(each.cost_usd, each.unpriced_calls),
            _question(each),
        )
        for each in found
    ]
    output.table(_COLUMNS, rows, "Nothing waits.")


def _question(each: Approval) -> str:
    if each.arguments is None:
        return each.question
    return f"{each.question} {each.tool}({shortened(to_json(each.arguments), 200)})"
