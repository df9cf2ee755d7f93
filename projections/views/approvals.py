"""Approvals and questions: what waits for a person, and how it was decided [107]."""

from __future__ import annotations

from typing import Any

from runfold.events import topics, wording
from runfold.events.base import Fact
from runfold.events.people.approvals import Approver
from runfold.events.run import (
    ApprovalGiven,
    ApprovalRequested,
    ExtensionAwaited,
    ExtensionRefused,
    HumanInputReceived,
    HumanInputRequested,
    RunExtended,
    ToolCallApproved,
    ToolCallDenied,
    WaitEscalated,
)
from runfold.projections.rendering.readable import as_json, clean, plain, readable, said
from runfold.projections.store.rows.merging import Merging
from runfold.projections.tables import approvals
from runfold.projections.view import Batch, Placed, Rows, View

_MOST_SHOWN = 2_000

_KINDS: frozenset[type[Fact]] = frozenset(
    {
        ApprovalRequested,
        HumanInputRequested,
        ApprovalGiven,
        ExtensionAwaited,
        ExtensionRefused,
        HumanInputReceived,
        RunExtended,
        ToolCallApproved,
        ToolCallDenied,
        WaitEscalated,
    }
)


def add(batch: Batch, rows: Rows) -> None:
    """Add one row a call or question, or what has changed of it.

    A call that policy let through was never asked about: its change finds no row and is dropped.
    """
    asked = Merging(approvals, rows)
    for placed in batch.of(_KINDS):
        match placed.fact:
            case ApprovalRequested() | HumanInputRequested() | ExtensionAwaited() as fact:
                _ask(asked, placed, fact)
            case ToolCallApproved() as fact:
                _decide(asked, placed, fact.call_id, "approved", fact.request_id, fact.comment)
                asked.put(
                    approval_id=fact.call_id,
                    arguments_edited=fact.arguments is not None,
                    on_behalf_of=_name(fact.on_behalf_of),
                    holds_json=None if fact.holds is None else readable(fact.holds),
                    **_approvers(fact.approvers),
                )
            case ApprovalGiven() as fact:
                asked.put(
                    approval_id=fact.call_id,
                    approvals_needed=fact.needed,
                    **_approvers(fact.approvers),
                )
            case ToolCallDenied() as fact:
                _decide(asked, placed, fact.call_id, "denied", fact.request_id, fact.reason)
                asked.put(approval_id=fact.call_id, on_behalf_of=_name(fact.on_behalf_of))
            case WaitEscalated() as fact:
                asked.put(
                    approval_id=fact.call_id,
                    deadline=fact.deadline,
                    step=fact.step,
                    steps=fact.steps,
                    asks_json=as_json(fact.asks),
                    asks_until=fact.until,
                    asks_text=clean(fact.text),
                )
            case HumanInputReceived() as fact:
                _decide(asked, placed, fact.question_id, "answered", fact.request_id, None)
                asked.put(
                    approval_id=fact.question_id,
                    answer_json=said(fact.content),
                    on_behalf_of=_name(fact.on_behalf_of),
                )
            case RunExtended(question_id=str(question)) as fact:
                _decide(asked, placed, question, "approved", fact.extension_id, None)
            case ExtensionRefused(question_id=str(question)) as fact:
                _decide(asked, placed, question, "denied", fact.request_id, fact.reason)
            case _:
                pass


def _name(person: str | None) -> str | None:
    return None if person is None else clean(person)


def _ask(
    asked: Merging,
    placed: Placed,
    fact: ApprovalRequested | HumanInputRequested | ExtensionAwaited,
) -> None:
    common = {
        "run_id": placed.meta.run_id,
        "tenant_id": placed.meta.tenant_id,
        "status": "pending",
        "requested_at": placed.meta.time,
        **({} if isinstance(fact, ExtensionAwaited) else _shown_of(fact)),
    }
    match fact:
        case ExtensionAwaited():
            told = {"limit": fact.limit, "used": fact.used, "allowed": fact.allowed}
            asked.put(
                approval_id=fact.question_id,
                kind="limit",
                question=clean(wording.plain(wording.coded("may_use_more", told))),
                options_json=as_json(
                    [f"{x.amount.normalize():f} {x.unit}" for x in fact.suggested]
                ),
                **common,
            )
        case ApprovalRequested():
            asked.put(
                approval_id=fact.call_id,
                kind="tool_call",
                tool_name=fact.tool,
                question=_question(fact),
                arguments_digest=fact.arguments_digest.hex(),
                risk_level=fact.risk_level,
                terms_json=None if fact.terms is None else readable(fact.terms),
                **_asked_of(fact),
                **common,
            )
        case HumanInputRequested():
            asked.put(
                approval_id=fact.question_id,
                kind="question",
                question=clean(wording.question_of(fact.question)),
                options_json=as_json(fact.options),
                **common,
            )


def _asked_of(fact: ApprovalRequested) -> dict[str, Any]:
    """Return how many must approve, and who has: only where more than one must."""
    if fact.terms is None or fact.terms.approvers == 1:
        return {}
    given = {"approvals_given": len(fact.approvers), "approvers_json": _listed(fact.approvers)}
    return {"approvals_needed": fact.terms.approvers, **given}


def _approvers(known: tuple[Approver, ...]) -> dict[str, Any]:
    return {"approvals_given": len(known), "approvers_json": _listed(known)} if known else {}


def _listed(known: tuple[Approver, ...]) -> str:
    return as_json([{"id": each.id, "roles": list(each.roles)} for each in known])


def _shown_of(fact: ApprovalRequested | HumanInputRequested) -> dict[str, Any]:
    """Return until when a person is asked, who, and what is shown to them."""
    return {
        "deadline": fact.deadline,
        "cost_so_far_usd": fact.cost_so_far,
        "shown_digest": None if fact.shown_digest is None else fact.shown_digest.hex(),
        "asks_json": as_json(fact.asks) if fact.asks else None,
        "asks_until": fact.until,
    }


def _question(fact: ApprovalRequested) -> str:
    asked = clean(wording.plain(fact.question))
    if fact.dry_run is None:
        return asked
    found = plain(fact.dry_run) or said(fact.dry_run) or ""
    return f"{asked} Its dry run: {found[:_MOST_SHOWN]}"


def _decide(
    asked: Merging,
    placed: Placed,
    approval_id: str,
    status: str,
    request_id: str | None,
    comment: str | None,
) -> None:
    asked.put(
        approval_id=approval_id,
        status=status,
        decided_at=placed.meta.time,
        decided_by_kind=placed.meta.actor.kind.value,
        decided_by=placed.meta.actor.id,
        request_id=request_id,
        comment=None if comment is None else clean(comment),
    )


VIEW = View("approvals", (approvals,), add, (topics.EVENTS,))
