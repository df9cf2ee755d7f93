"""What a person is shown who decides on a call or answers a question, and its digest."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from runfold.events.contents.content import Content
from runfold.events.definitions import ToolContract
from runfold.events.people.approvals import Shown, shown_digest
from runfold.processors.run.behaviour import APPROVALS
from runfold.processors.run.draft import Draft
from runfold.processors.run.state import Live, RoundCall


def of_call(run: Live, call_id: str, contract: ToolContract, arguments: Content) -> Shown:
    """Return what is shown to whoever decides on a call, at the moment when it is asked."""
    call = run.loop.call(call_id)
    tried = call.proposal.dry_run if isinstance(call, RoundCall) else None
    return Shown(
        call_id=call_id,
        attempt=(call.attempt if call else 0) + 1,
        tool=f"{contract.name}@{contract.version}",
        content=arguments.digest,
        options=(),
        level=contract.risk_level,
        effect=contract.effect or contract.description,
        reversible=contract.reversible,
        dry_run=b"" if tried is None else tried.digest,
        **_of_run(run),
    )


def of_question(
    run: Live, question_id: str, question: Content, options: tuple[str, ...] = ()
) -> Shown:
    """Return what is shown to whoever answers a question of the agent, or of a brake."""
    return Shown(
        call_id=question_id,
        attempt=1,
        tool="",
        content=question.digest,
        options=options,
        level=0,
        effect="",
        reversible=None,
        **_of_run(run),
    )


def as_recorded(draft: Draft, shown: Shown) -> dict[str, Any]:
    """Return what the fact that asks a person says of it; nothing before behaviour 7."""
    if draft.behaviour < APPROVALS:
        return {}
    return {"shown_digest": shown_digest(shown), "cost_so_far": shown.cost}


def _of_run(run: Live) -> dict[str, Any]:
    return {
        "agent": f"{run.agent.name}@{run.agent.version}",
        "user": run.request.user_id,
        "goal": run.request.goal.digest,
        "cost": Decimal(run.counters.cost),
    }
