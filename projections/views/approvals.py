"""Approvals and questions: what waits for a person, and how it was decided [107]."""

from __future__ import annotations

from runfold.events import topics, wording
from runfold.events.base import Fact
from runfold.events.run import (
    ApprovalRequested,
    ExtensionAwaited,
    ExtensionRefused,
    HumanInputReceived,
    HumanInputRequested,
    RunExtended,
    ToolCallApproved,
    ToolCallDenied,
)
from runfold.projections.rendering.readable import as_json, clean, plain, said
from runfold.projections.store.rows.merging import Merging
from runfold.projections.tables import approvals
from runfold.projections.view import Batch, Placed, Rows, View

_MOST_SHOWN = 2_000

_KINDS: frozenset[type[Fact]] = frozenset(
    {
        ApprovalRequested,
        ExtensionAwaited,
        ExtensionRefused,
        HumanInputReceived,
        HumanInputRequested,
        RunExtended,
        ToolCallApproved,
        ToolCallDenied,
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
                asked.put(approval_id=fact.call_id, arguments_edited=fact.arguments is not None)
            case ToolCallDenied() as fact:
                _decide(asked, placed, fact.call_id, "denied", fact.request_id, fact.reason)
            case HumanInputReceived() as fact:
                _decide(asked, placed, fact.question_id, "answered", fact.request_id, None)
                asked.put(approval_id=fact.question_id, answer_json=said(fact.content))
            case RunExtended(question_id=str(question)) as fact:
                _decide(asked, placed, question, "approved", fact.extension_id, None)
            case ExtensionRefused(question_id=str(question)) as fact:
                _decide(asked, placed, question, "denied", fact.request_id, fact.reason)
            case _:
                pass


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
        "deadline": None if isinstance(fact, ExtensionAwaited) else fact.deadline,
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
                **common,
            )
        case HumanInputRequested():
            asked.put(
                approval_id=fact.question_id,
                kind="question",
                question=plain(fact.question) or "",
                options_json=as_json(fact.options),
                **common,
            )


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
