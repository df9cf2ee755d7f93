"""Calls that need a person, and calls that policies must let pass once more."""

from __future__ import annotations

from runfold.events import run as j
from runfold.events.contents.content import Content
from runfold.events.definitions import ToolContract
from runfold.events.people.approvals import ApprovalTerms, Approver
from runfold.events.trusted import trusted
from runfold.processors.run.agent.checkpoints import write
from runfold.processors.run.approvals import asking, grants
from runfold.processors.run.approvals.allowed import on_approval
from runfold.processors.run.behaviour import BY_PERSON
from runfold.processors.run.draft import Draft
from runfold.processors.run.people import escalating, identity
from runfold.processors.run.policy.cedar.persons import Approving
from runfold.processors.run.policy.cedar.terms import together
from runfold.processors.run.policy.judging import (
    FORBIDDEN,
    Judged,
    changed_since,
    judge_call,
    judged_now,
    policies_of,
)
from runfold.processors.run.policy.rules import NEEDS_APPROVAL
from runfold.processors.run.state import PLAIN, RoundCall


def request_approval(
    draft: Draft,
    call_id: str,
    contract: ToolContract,
    arguments: Content,
    terms: ApprovalTerms = PLAIN,
    given: tuple[Approver, ...] = (),
) -> None:
    """Have a call wait for a person, on the terms of policies; ``given`` approved it before."""
    shown = asking.of_call(draft.run, call_id, contract, arguments)
    call = draft.run.loop.call(call_id)
    draft.say(
        j.ApprovalRequested(
            call_id=call_id,
            tool=contract.name,
            question=draft.people("may_call", agent=draft.run.agent.name, tool=contract.name),
            arguments_digest=arguments.digest,
            risk_level=contract.risk_level,
            dry_run=call.proposal.dry_run if isinstance(call, RoundCall) else None,
            terms=None if terms == PLAIN else terms,
            approvers=given,
            **asking.as_recorded(draft, shown),
            **escalating.asked(draft, contract),
        )
    )
    write(draft)


def let_through(
    draft: Draft, call_id: str, contract: ToolContract, arguments: Content, judged: Judged
) -> None:
    """Let a permitted call begin, by an earlier approval too, or have a person asked."""
    if NEEDS_APPROVAL not in judged.decision.obligations:
        draft.say(trusted(j.ToolCallApproved)(call_id=call_id))
    elif not permit_by_grant(draft, call_id, contract, arguments, judged.terms):
        request_approval(draft, call_id, contract, arguments, judged.terms)


def ask_again(draft: Draft, call: RoundCall) -> None:
    """Ask about a call whose arguments a person edited while it waits for more approvals."""
    contract = draft.contract(call.tool)
    judged = judge_call(draft, contract, call.tool, call.call_id, call.arguments)
    draft.say(judged.decision)
    if judged.refusal is not None:
        draft.deny(call.call_id, FORBIDDEN, judged.refusal)
        return
    terms = together(call.consent.terms, judged.terms)
    given = call.consent.given
    if draft.behaviour >= BY_PERSON:
        given = _counting(draft, call, terms)
    request_approval(draft, call.call_id, contract, call.arguments, terms, given)


def permit_by_grant(
    draft: Draft, call_id: str, contract: ToolContract, arguments: Content, terms: ApprovalTerms
) -> bool:
    """Let a call that needs a person run by an earlier approval; return whether one holds."""
    grant = grants.permitting(draft, contract, arguments, terms)
    if grant is None:
        return False
    draft.say(j.ToolCallApproved(call_id=call_id, approvers=grant.by, grant_id=grant.id))
    return True


def still_permitted(draft: Draft, call: RoundCall) -> bool:
    """Whether policies let a call begin that an earlier decision let pass, as they are now.

    It was approved by a person, perhaps with other arguments, or is tried again. Where it may not
    begin, what becomes of it is said.
    """
    if policies_of(draft) is None or judged_now(draft, call.call_id):
        return True
    contract = draft.contract(call.tool)
    judged = judge_call(draft, contract, call.tool, call.call_id, call.arguments)
    decision, refusal, terms, _ = judged
    draft.say(decision)
    if refusal is not None:
        draft.deny(call.call_id, FORBIDDEN, refusal)
        return False
    counting = _counting(draft, call, terms)
    if NEEDS_APPROVAL in decision.obligations and not _approved(draft, call, counting, judged):
        request_approval(draft, call.call_id, contract, call.arguments, terms, counting)
        return False
    return True


def _counting(draft: Draft, call: RoundCall, terms: ApprovalTerms) -> tuple[Approver, ...]:
    """Return those of a call's approvers whose approval counts by the terms of now."""
    requester, given = draft.run.request.user_id, call.consent.given
    if draft.behaviour < BY_PERSON:
        return tuple(each for each in given if terms.requester or each.id != requester)
    if not terms.requester:
        given = tuple(each for each in given if not identity.is_requester(draft, each))
    if not changed_since(draft, call):
        return given
    contract, arguments = draft.contract(call.tool), call.arguments
    kinds = (Approving(approvals=place) for place in range(len(given)))
    said = (
        on_approval(draft, each, contract, arguments, kind)
        for each, kind in zip(given, kinds, strict=True)
    )
    return tuple(e for e, v in zip(given, said, strict=True) if v is None or v.permitted)


def _approved(
    draft: Draft, call: RoundCall, counting: tuple[Approver, ...], judged: Judged
) -> bool:
    """Whether a call has the approvals that policies demand now."""
    if call.approval != "approved":
        return False
    if call.consent.by_time and draft.behaviour >= BY_PERSON:
        return escalating.time_passes(draft, call, judged)
    # While no policies were in force it was approved without a name.
    nameless = bool(counting) or not call.consent.given
    anybody = judged.terms.approvers == 1 and judged.terms.requester and nameless
    return anybody or len(counting) >= judged.terms.approvers
