"""Whether policies let a person do something to a run; each answer is on record before it is done.

Asked where any rule may speak of it, so deployments without such rules have no such facts.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from runfold.events import run as j
from runfold.events.contents.content import Content
from runfold.events.definitions import ToolContract
from runfold.events.people.approvals import Approver
from runfold.events.records import commands
from runfold.events.trusted import trusted
from runfold.processors.run.draft import Draft
from runfold.processors.run.people import identity
from runfold.processors.run.policy import verdict
from runfold.processors.run.policy.cedar import persons
from runfold.processors.run.policy.cedar.engine import ParsedSet
from runfold.processors.run.policy.cedar.names import RUN_CONTROL, TOOL_APPROVE
from runfold.processors.run.policy.cedar.persons import Approving
from runfold.processors.run.policy.cedar.values import UnjudgeableError, arguments_of, shown
from runfold.processors.run.policy.judging import circumstances, policies_of
from runfold.processors.run.policy.verdict import Verdict

MOST_ROLES = 64
"""How many roles a person may come with: they are kept with each approval."""

_CALLED: dict[type[commands.Control], str] = {
    commands.AnswerQuestion: "answer",
    commands.CancelRun: "cancel",
    commands.DenyExtension: "deny_extension",
    commands.DenyToolCall: "deny",
    commands.EditInstructions: "instruct",
    commands.ExtendRun: "extend",
    commands.GiveResult: "give_result",
    commands.HandBackRun: "hand_back",
    commands.PauseRun: "pause",
    commands.ReplyAsModel: "reply",
    commands.ResolveToolCall: "resolve",
    commands.ResumeRun: "resume",
    commands.SendMessage: "tell",
    commands.TakeOverRun: "take_over",
}
"""The controls that ``run.control`` is about, as policies see them."""

_STOPS = frozenset({"cancel", "deny", "deny_extension", "pause"})
"""What makes nothing happen: a rule that cannot be evaluated does not keep a person from it."""

_FORBIDS = frozenset({"policy_forbids", "policy_error"})
"""The codes of what a rule says of a person; that no permit matches is not among them."""


def who(control: commands.Control) -> Approver:
    """Return the person that a control comes from, and for whom they say that they act."""
    absent = getattr(control, "on_behalf_of", None)
    return trusted(Approver)(id=control.actor_id, roles=control.roles, on_behalf_of=absent)


def may_control(draft: Draft, control: commands.Control) -> Verdict | None:
    """Return whether a person may do this to the run, None where no rule speaks of it.

    What is answered is put on record.
    """
    policies, name = policies_of(draft), _CALLED.get(type(control))
    if policies is None or name is None:
        return None
    person, now = who(control), circumstances(draft.run, draft.env)
    agent = draft.agent()

    def asked(as_whom: Approver) -> Verdict | None:
        question = partial(persons.to_control, as_whom, agent, now, name)
        return verdict.on_person(policies, RUN_CONTROL, "Run", question)

    said = _strictest(draft, person, asked)
    if said is not None and said.code == "policy_error" and name in _STOPS:
        said = Verdict(True, "policy_error_stops", said.parameters, said.rules, said.asked)
    if said is not None:
        resource = f"run/{draft.run.run_id}"
        _record(draft, control, person, said, policies, RUN_CONTROL, resource)
    return said


def may_approve(
    draft: Draft,
    control: commands.Control,
    person: Approver,
    contract: ToolContract,
    arguments: Content,
    approving: Approving,
) -> Verdict | None:
    """Return whether a person may approve a call of a tool, None where no rule speaks of it.

    What is answered is put on record.
    """
    policies = policies_of(draft)
    if policies is None:
        return None
    said = on_approval(draft, person, contract, arguments, approving)
    if said is not None:
        resource = f"tool/{contract.name}@{contract.version}"
        _record(draft, control, person, said, policies, TOOL_APPROVE, resource)
    return said


def on_approval(
    draft: Draft,
    person: Approver,
    contract: ToolContract,
    arguments: Content,
    approving: Approving,
) -> Verdict | None:
    """Return what the policies of now say of a person who approves a call; nothing is recorded."""
    policies = policies_of(draft)
    if policies is None or not policies.speaks_of(TOOL_APPROVE, "Tool"):
        return None
    try:
        looks = contract.policy_arguments
        seen = shown(contract, arguments_of(arguments)) if looks else {}
    except UnjudgeableError as fault:
        told = {"tool": contract.name, "argument": fault.name, "problem": str(fault)}
        return Verdict(permitted=False, code="policy_cannot_judge", parameters=told)
    now = circumstances(draft.run, draft.env)
    agent = draft.agent()

    def asked(as_whom: Approver) -> Verdict | None:
        question = partial(persons.to_approve, as_whom, agent, contract, now, seen, approving)
        return verdict.on_person(policies, TOOL_APPROVE, "Tool", question)

    return _strictest(draft, person, asked)


def _strictest(
    draft: Draft, person: Approver, asked: Callable[[Approver], Verdict | None]
) -> Verdict | None:
    """Return what policies say of a person, or what they forbid them by another of their names.

    Who is absent is not known by roles of their own, so that only a forbid speaks of them.
    """
    said = asked(person)
    if said is None or not said.permitted:
        return said
    for name in identity.others(draft, person):
        other = asked(person.model_copy(update={"id": name}))
        if other is not None and other.code in _FORBIDS:
            return other
    return said


def reason(draft: Draft, said: Verdict) -> str:
    """Return why policies permit or refuse, as people read it."""
    code, told = said.for_people
    return draft.people(code, **told)


def _record(
    draft: Draft,
    control: commands.Control,
    person: Approver,
    said: Verdict,
    policies: ParsedSet,
    action: str,
    resource: str,
) -> None:
    draft.say(
        j.PolicyDecided(
            effect=j.PolicyEffect.PERMIT if said.permitted else j.PolicyEffect.FORBID,
            policy_ids=said.ids,
            policy_digest=policies.digest,
            principal=f"user/{control.actor_id}",
            action=action,
            resource=resource,
            reason=reason(draft, said),
            control_id=control.request_id,
            roles=person.roles,
        )
    )
