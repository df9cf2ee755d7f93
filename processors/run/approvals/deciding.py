"""What follows when a person approves a call: it begins, waits for others, or the control is
refused with the reason on record.
"""

from __future__ import annotations

from typing import NamedTuple

from runfold.events import run as j
from runfold.events.contents.content import Content
from runfold.events.people.approvals import Approver, Holds, HoldsFor
from runfold.events.records import commands
from runfold.processors.run.agent.tools import approving
from runfold.processors.run.agent.tools.arguments import arguments_fault
from runfold.processors.run.approvals import allowed, bounds
from runfold.processors.run.approvals.grants import MOST_GRANTS
from runfold.processors.run.behaviour import BY_PERSON
from runfold.processors.run.draft import Draft
from runfold.processors.run.people import behalf, identity
from runfold.processors.run.policy.cedar.persons import Approving
from runfold.processors.run.policy.judging import policies_of
from runfold.processors.run.state import PLAIN, RoundCall

STALE = "stale"
"""The code of a decision on another question than the one that is open."""

FORBIDDEN = "forbidden"
"""The code of what policies do not let a person do."""


class Refusal(NamedTuple):
    """Why a control is refused: a code for programs, and what people read."""

    code: str | None
    reason: str


def stale(draft: Draft, call: RoundCall, digest: bytes | None) -> Refusal | None:
    """Return the refusal of a decision on something else than is open now, None where it is that.

    A decision without a digest is no such; whether it is enough, terms say.
    """
    shown = call.consent.shown
    if digest is None or shown is None or digest == shown:
        return None
    return Refusal(STALE, draft.people("stale", call=call.call_id))


def approve(draft: Draft, control: commands.ApproveToolCall, call: RoundCall) -> Refusal | None:
    """Approve a call that waits, or return why not."""
    given = _given_for(call, control.arguments)
    if refusal := _refusal(draft, control, call, given):
        return refusal
    several = call.consent.terms.approvers > 1
    person = behalf.approver(draft, control, call)
    acts = person.on_behalf_of is not None and draft.behaviour >= BY_PERSON
    named = several or acts or policies_of(draft) is not None
    approvers = (*given, person) if named else ()
    if len(given) + 1 < call.consent.terms.approvers:
        _one_of_several(draft, control, call, approvers)
        return None
    draft.say(
        j.ToolCallApproved(
            call_id=call.call_id,
            arguments=control.arguments,
            request_id=control.request_id,
            comment=control.comment,
            approvers=approvers,
            shown_digest=control.shown_digest,
            holds=control.holds,
            on_behalf_of=person.on_behalf_of,
        )
    )
    return None


def _given_for(call: RoundCall, arguments: Content | None) -> tuple[Approver, ...]:
    """Return who approved the call with these arguments before."""
    edited = arguments is not None and arguments.digest != call.arguments.digest
    return () if edited else call.consent.given


def _refusal(
    draft: Draft,
    control: commands.ApproveToolCall,
    call: RoundCall,
    given: tuple[Approver, ...],
) -> Refusal | None:
    contract = draft.contract(call.tool)
    used = control.arguments or call.arguments
    kind = Approving(
        scope=_scope(control.holds).value,
        approvals=len(given),
        edited=used.digest != call.arguments.digest,
    )
    if nobody := behalf.refusal(draft, control, call):
        return Refusal(None, nobody)
    person = behalf.approver(draft, control, call)
    said = allowed.may_approve(draft, control, person, contract, used, kind)
    if said is not None and not said.permitted:
        return Refusal(FORBIDDEN, allowed.reason(draft, said))
    if refusal := stale(draft, call, control.shown_digest) or _by_terms(
        draft, control, person, call
    ):
        return refusal
    if (before := behalf.same(draft, person, given)) is not None:
        return Refusal("already_approved", draft.people("already_approved", who=before))
    if control.arguments is not None and (
        fault := arguments_fault(draft, contract, control.arguments)
    ):
        return Refusal(None, draft.people("arguments_do_not_fit", fault=fault))
    return _by_holds(draft, control, call, given, used)


def _by_terms(
    draft: Draft, control: commands.ApproveToolCall, person: Approver, call: RoundCall
) -> Refusal | None:
    terms, requester = call.consent.terms, draft.run.request.user_id
    if terms != PLAIN and identity.is_nobody(draft, person):
        return Refusal(FORBIDDEN, draft.people("nobody_approves"))
    if not terms.requester and identity.is_requester(draft, person):
        return Refusal(FORBIDDEN, draft.people("requester_never", who=requester))
    if (terms.shown or terms.approvers > 1) and control.shown_digest is None:
        return Refusal("not_shown", draft.people("not_shown", call=call.call_id))
    if terms.once and _scope(control.holds) is not HoldsFor.ONCE:
        return Refusal("invalid_holds", draft.people("holds_once", tool=call.tool))
    return None


def _by_holds(
    draft: Draft,
    control: commands.ApproveToolCall,
    call: RoundCall,
    given: tuple[Approver, ...],
    used: Content,
) -> Refusal | None:
    holds = control.holds
    if given and holds != call.consent.holds:
        return Refusal("other_holds", draft.people("other_holds", call=call.call_id))
    if holds is None:
        return None
    if fault := bounds.fault_of(holds):
        return Refusal("invalid_holds", draft.people("invalid_holds", fault=fault))
    if holds.scope is HoldsFor.PATTERN and not bounds.within(holds.where, used):
        return Refusal("invalid_holds", draft.people("holds_for_others", call=call.call_id))
    if holds.scope is not HoldsFor.ONCE and len(draft.run.loop.grants) >= MOST_GRANTS:
        return Refusal("too_many", draft.people("too_many_grants", limit=MOST_GRANTS))
    return None


def _scope(holds: Holds | None) -> HoldsFor:
    return HoldsFor.ONCE if holds is None else holds.scope


def _one_of_several(
    draft: Draft,
    control: commands.ApproveToolCall,
    call: RoundCall,
    approvers: tuple[Approver, ...],
) -> None:
    draft.say(
        j.ApprovalGiven(
            call_id=call.call_id,
            request_id=control.request_id,
            approvers=approvers,
            needed=call.consent.terms.approvers,
            arguments=control.arguments,
            comment=control.comment,
            shown_digest=control.shown_digest,
            holds=control.holds,
            on_behalf_of=approvers[-1].on_behalf_of,
        )
    )
    edited = draft.run.loop.call(call.call_id)
    if isinstance(edited, RoundCall) and edited.arguments.digest != call.arguments.digest:
        # What the others will be shown is another call now.
        approving.ask_again(draft, edited)
