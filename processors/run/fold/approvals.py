"""Folds of what people approve: one approval of several, the last, and what it holds for."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from runfold.events import run as j
from runfold.events.contents.content import Content
from runfold.events.people.approvals import HoldsFor
from runfold.processors.run.behaviour import BY_PERSON
from runfold.processors.run.fold import asking
from runfold.processors.run.fold.lifecycle import noted
from runfold.processors.run.fold.open_calls import calls_with, with_call
from runfold.processors.run.state import (
    PLAIN,
    CallStatus,
    Grant,
    Live,
    Proposal,
    RoundCall,
    changed,
    loop_changed,
)


def requested(run: Live, fact: j.ApprovalRequested, at: datetime) -> Live:
    """The call waits for a person."""
    waits: dict[str, Any] = {
        "status": CallStatus.AWAITING_APPROVAL,
        "due": fact.until or fact.deadline,
    }
    if (call := _call(run, fact.call_id)) is not None:
        waits["consent"] = changed(
            call.consent,
            approval="pending",
            shown=fact.shown_digest,
            terms=fact.terms or PLAIN,
            given=fact.approvers,
        )
    run = loop_changed(run, calls=calls_with(run, fact.call_id, **waits), malformed=0)
    return asking.asked(run, fact.call_id, fact, at)


def given(run: Live, fact: j.ApprovalGiven, at: datetime) -> Live:
    """One more person approved the call, perhaps with other arguments; it waits for others."""
    run = noted(run, fact.request_id)
    call = _call(run, fact.call_id)
    if call is None:
        return run
    consent = changed(call.consent, given=fact.approvers, holds=fact.holds)
    proposal = _edited(call.proposal, fact.arguments)
    return with_call(run, fact.call_id, proposal=proposal, consent=consent)


def approved(run: Live, fact: j.ToolCallApproved, at: datetime) -> Live:
    """The call may run, with the arguments a person gave it if they were edited."""
    run = noted(run, fact.request_id or None)
    call = _call(run, fact.call_id)
    if call is None:
        return loop_changed(run, malformed=0)
    if call.status is CallStatus.UNCERTAIN and run.behaviour >= BY_PERSON:
        # Whoever found out that it did not happen has not approved it.
        return loop_changed(run, calls=calls_with(run, fact.call_id, status=CallStatus.APPROVED))
    by_person = fact.request_id is not None or fact.by_deadline
    granted = by_person or fact.grant_id is not None
    permitted: dict[str, Any] = {
        "status": CallStatus.APPROVED,
        "due": None,
        "proposal": _edited(call.proposal, fact.arguments),
        "consent": changed(
            call.consent,
            approval="approved" if granted else "not_required",
            given=fact.approvers or call.consent.given,
            by_time=fact.by_deadline,
        ),
    }
    run = _with_grants(run, fact, call)
    return loop_changed(run, calls=calls_with(run, fact.call_id, **permitted), malformed=0)


def _with_grants(run: Live, fact: j.ToolCallApproved, call: RoundCall) -> Live:
    """Return the run with what was spent taken off, and with what the approval holds for."""
    if fact.grant_id is not None:
        spent = tuple(
            changed(each, left=each.left - 1) if each.id == fact.grant_id else each
            for each in run.loop.grants
        )
        return loop_changed(run, grants=tuple(each for each in spent if each.left > 0))
    holds = fact.holds
    if holds is None or holds.scope in {HoldsFor.ONCE, HoldsFor.UNKNOWN} or holds.times < 2:
        return run
    grant = Grant(
        id=fact.request_id or "",
        holds=holds,
        tool=call.tool,
        level=call.risk_level,
        left=holds.times - 1,
        by=fact.approvers,
        taint=run.loop.taint,
        shown=fact.shown_digest is not None,
    )
    return loop_changed(run, grants=(*run.loop.grants, grant))


def _call(run: Live, call_id: str) -> RoundCall | None:
    call = run.loop.call(call_id)
    return call if isinstance(call, RoundCall) else None


def _edited(proposal: Proposal, arguments: Content | None) -> Proposal:
    if arguments is None or arguments.digest == proposal.arguments.digest:
        return proposal
    # What a dry run said was of other arguments.
    return changed(proposal, arguments=arguments, dry_run=None)
