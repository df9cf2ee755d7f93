"""Approvals that hold for other calls of their run: which of them permits a call.

A grant is a person's approval given beforehand. It is looked for only where a person would be
asked, so it lifts no forbid; it permits no call that needs more persons than it has, none above the
level of the approved call, and none that its persons could not approve by the policies of now.
"""

from __future__ import annotations

from runfold.events.contents.content import Content
from runfold.events.definitions import ToolContract
from runfold.events.people.approvals import ApprovalTerms, HoldsFor
from runfold.processors.run.approvals.allowed import on_approval
from runfold.processors.run.approvals.bounds import within
from runfold.processors.run.behaviour import BY_PERSON
from runfold.processors.run.draft import Draft
from runfold.processors.run.people import behalf, identity
from runfold.processors.run.policy import tainted
from runfold.processors.run.policy.cedar.persons import Approving
from runfold.processors.run.policy.judging import policies_of
from runfold.processors.run.state import Grant

MOST_GRANTS = 32
"""How many approvals of a run may hold for other calls at a time."""


def permitting(
    draft: Draft, contract: ToolContract, arguments: Content, terms: ApprovalTerms
) -> Grant | None:
    """Return the first grant of the run that holds for a call, None where a person is asked."""
    if terms.once:
        return None
    held = (each for each in draft.run.loop.grants if covers(each, contract, arguments))
    return next((each for each in held if _permits(draft, each, contract, arguments, terms)), None)


def covers(grant: Grant, contract: ToolContract, arguments: Content) -> bool:
    """Whether a call is one of those that a grant speaks of, and has not been spent on others."""
    if grant.left < 1 or contract.risk_level > grant.level:
        return False
    if grant.scope is HoldsFor.RUN:
        return True
    if grant.tool != contract.name:
        return False
    return grant.scope is HoldsFor.TOOL or within(grant.holds.where, arguments)


def _permits(
    draft: Draft, grant: Grant, contract: ToolContract, arguments: Content, terms: ApprovalTerms
) -> bool:
    run = draft.run
    if tainted.asks_a_person(run, contract) and not set(run.loop.taint) <= set(grant.taint):
        # Whoever approved did not know that the run would read more of what strangers wrote.
        return False
    if not all(behalf.still_acts(draft, each, contract.name) for each in grant.by):
        return False
    if policies_of(draft) is None:
        return True
    if draft.behaviour < BY_PERSON:
        barred = any(each.id == run.request.user_id for each in grant.by)
    else:
        barred = any(identity.is_requester(draft, each) for each in grant.by)
    if barred and not terms.requester:
        return False
    if terms.shown and not grant.shown and draft.behaviour >= BY_PERSON:
        # Whoever approved did not say what they were shown.
        return False
    return len(grant.by) >= terms.approvers and all(
        (said := on_approval(draft, each, contract, arguments, Approving(grant.scope, place)))
        is None
        or said.permitted
        for place, each in enumerate(grant.by)
    )
