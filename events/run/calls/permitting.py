"""What lets a call begin: policies, and people."""

from __future__ import annotations

from runfold.events.base import Fact, Money, Record, Said, SaidBytes, Symbol, Timestamp
from runfold.events.calls.kinds import TOOL
from runfold.events.contents.content import Content
from runfold.events.people.approvals import ApprovalTerms, Approver, Holds
from runfold.events.people.origin import Origin
from runfold.events.people.proved import Proved
from runfold.events.traits import CallMove, CallTrait, Cause, Tone, Traits
from runfold.events.values import RunStatus

__all__ = [
    "ApprovalGiven",
    "ApprovalRequested",
    "PolicyDecided",
    "PolicyEffect",
    "ServerDecision",
    "ToolCallApproved",
    "ToolCallDenied",
]


class PolicyEffect(Symbol):
    """What a policy decided."""

    UNKNOWN = "unknown"
    PERMIT = "permit"
    FORBID = "forbid"


class ServerDecision(Record):
    """Where an answer of a policy server came from: what it was asked, and how it names it.

    ``input_digest`` is the sha256 of the input, ``revision`` that of the server's bundle.
    """

    path: str
    input_digest: SaidBytes | None
    decision_id: str | None = None
    revision: str | None = None


class PolicyDecided(Fact):
    """A policy permitted or forbade an action before it was taken [102, 106].

    Of what a person asks of a run, ``control_id`` is the control's request and ``roles`` are the
    person's; the fact that records the control follows. ``server`` says which server decided, None
    where the rules in force did.
    """

    traits = Traits(
        reads="{effect} {resource}: {reason}",
        cause=Cause.POLICY,
        tone=Tone.QUIET,
        moment="{effect} {resource}",
    )

    effect: PolicyEffect
    policy_ids: tuple[str, ...]
    policy_digest: bytes
    principal: str
    action: str
    resource: str
    reason: Said
    call_id: str | None = None
    obligations: tuple[str, ...] = ()
    control_id: str | None = None
    roles: tuple[str, ...] = ()
    server: ServerDecision | None = None


def _asked(fact: ApprovalRequested) -> str:
    asked = "{call_id:number} {question} It waits for a person (risk level {risk_level})"
    return asked if fact.dry_run is None else f"{asked}. Its dry run: {{dry_run:result}}"


class ApprovalRequested(Fact):
    """A person must decide on a proposed call [107]; ``deadline`` None waits for ever.

    From behaviour 7 on ``shown_digest`` names what is shown to the person
    (``events/people/approvals.py``), ``cost_so_far`` and ``dry_run`` among it, what its dry run
    said it would do. ``terms`` are what policies demand, None where they demand nothing;
    ``approvers`` have approved the call as it is asked about already. ``asks`` says who is asked at
    first, as in ``WaitEscalated``, until ``until``; both are absent where the agent declares no
    escalation.
    """

    traits = Traits(
        reads=_asked,
        tone=Tone.ASK,
        status=(RunStatus.WAITING_FOR_HUMAN,),
        call=CallTrait(TOOL.name, CallMove.ASKS, "awaiting_approval"),
        moment="{tool}",
    )

    call_id: str
    tool: str
    question: Said
    arguments_digest: SaidBytes
    risk_level: int
    deadline: Timestamp | None = None
    shown_digest: bytes | None = None
    cost_so_far: Money | None = None
    terms: ApprovalTerms | None = None
    approvers: tuple[Approver, ...] = ()
    asks: tuple[str, ...] = ()
    until: Timestamp | None = None
    dry_run: Content | None = None


def _given(fact: ApprovalGiven) -> str:
    count = f"{len(fact.approvers)} of {fact.needed}"
    return (
        f"{{call_id:number}} approved by a person, {count}{{arguments:edited}}{{comment:because}}"
    )


class ApprovalGiven(Fact):
    """A person approved a call that needs more approvals; it still waits.

    ``approvers`` are those whose approvals count, this one the last: edited arguments leave out
    those who approved others. ``on_behalf_of`` is as in ``ToolCallApproved``.
    """

    traits = Traits(
        reads=_given,
        cause=Cause.SENDER,
        status=(RunStatus.WAITING_FOR_HUMAN,),
        moment=lambda fact: f"{len(fact.approvers)} of {fact.needed}",
    )

    call_id: str
    request_id: str
    approvers: tuple[Approver, ...]
    needed: int
    arguments: Content | None = None
    comment: Said | None = None
    shown_digest: bytes | None = None
    holds: Holds | None = None
    on_behalf_of: str | None = None
    proof: Proved | None = None
    origin: Origin | None = None


def _approved(fact: ToolCallApproved) -> str:
    if fact.grant_id is not None:
        return "{call_id:number} may run: an earlier approval holds for it"
    if fact.by_deadline:
        return "{call_id:number} may run: nobody decided in time, and its agent permits that"
    if fact.request_id is None:
        return "{call_id:number} may run: no approval needed"
    return "{call_id:number} approved by a person{arguments:edited}{comment:because}"


class ToolCallApproved(Fact):
    """A call may run, by policy or by a person, who may have edited its arguments.

    ``approvers`` are all whose approvals count, this one the last, where policies are in force.
    ``holds`` says for which other calls it holds; ``grant_id`` is the request of an earlier
    approval that holds for this call.
    ``on_behalf_of`` is who was asked and is absent, where the person acts for them by a delegation.
    ``by_deadline``: nobody decided, and the agent declares that such a call may run then.
    """

    traits = Traits(
        reads=_approved,
        cause=Cause.POLICY_OR_SENDER,
        status=(RunStatus.WAITING_FOR_TOOL,),
        call=CallTrait(TOOL.name, CallMove.PERMITS, "approved"),
        moment=lambda fact: "edited" if fact.arguments else "as proposed",
    )

    call_id: str
    arguments: Content | None = None
    request_id: str | None = None
    comment: Said | None = None
    approvers: tuple[Approver, ...] = ()
    shown_digest: bytes | None = None
    holds: Holds | None = None
    grant_id: str | None = None
    on_behalf_of: str | None = None
    by_deadline: bool = False
    proof: Proved | None = None
    origin: Origin | None = None


class ToolCallDenied(Fact):
    """A call may not run; the model is told why.

    ``code`` names the reason where no person gave one, from behaviour 5 on: ``unknown_tool``,
    ``malformed_arguments`` (no JSON object), ``invalid_arguments`` (they break the schema),
    ``not_alone``, ``lacks_scopes``, ``forbidden`` (a policy does not permit it), ``withdrawn``,
    ``unavailable`` (its tool is left alone after failures), ``unfounded_claim``, ``not_decided``,
    ``no_dry_run`` (it needs one and cannot have it), ``dry_run_failed``.
    """

    traits = Traits(
        reads="{call_id:number} denied: {reason:long}",
        cause=Cause.POLICY_OR_SENDER,
        tone=Tone.WARNING,
        status=(RunStatus.PLANNING,),
        call=CallTrait(TOOL.name, CallMove.CLOSES, "denied"),
        moment="denied",
    )

    call_id: str
    reason: Said
    request_id: str | None = None
    code: str | None = None
    shown_digest: bytes | None = None
    on_behalf_of: str | None = None
    proof: Proved | None = None
    origin: Origin | None = None
