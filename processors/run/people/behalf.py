"""For whom a person decides: for themselves, or for somebody absent who has delegated to them."""

from __future__ import annotations

from runfold.events.definitions.tenancy.delegation import acting_for
from runfold.events.people.approvals import Approver
from runfold.events.records import commands
from runfold.events.trusted import trusted
from runfold.processors.run.behaviour import BY_PERSON, ESCALATION
from runfold.processors.run.draft import Draft
from runfold.processors.run.people.escalating import now_asked
from runfold.processors.run.people.identity import counts_as
from runfold.processors.run.state import RoundCall

Decision = commands.ApproveToolCall | commands.DenyToolCall | commands.AnswerQuestion


def refusal(draft: Draft, control: Decision, call: RoundCall) -> str:
    """Return why nobody decides for the person who is named, empty where somebody may."""
    person = control.on_behalf_of
    if person is None or draft.behaviour < ESCALATION or person in _absent(draft, control, call):
        return ""
    return draft.people("has_not_delegated", person=person, actor=control.actor_id)


def still_acts(draft: Draft, person: Approver, tool: str) -> bool:
    """Whether a person may act now, on a tool, for whom they acted when they approved."""
    known, now, tenant = draft.env.definitions, draft.env.now, draft.run.tenant_id
    if person.on_behalf_of is None or draft.behaviour < BY_PERSON:
        return True
    found = acting_for(known, person.id, now, tenant, tool=tool)
    return any(each.person == person.on_behalf_of for each in found)


def of(draft: Draft, control: Decision, call: RoundCall) -> str | None:
    """Return for whom a person decides on a call; None where it is for themselves.

    Without a name in the control it is the first who is asked and has delegated to them, unless
    they are asked themselves.
    """
    if draft.behaviour < ESCALATION:
        return None
    if control.on_behalf_of is not None:
        return control.on_behalf_of
    asks = now_asked(draft.run, call.call_id)
    if not asks or f"user/{control.actor_id}" in asks:
        return None
    roles = {name.partition("/")[2] for name in asks if name.startswith("role/")}
    for person, delegated in _absent(draft, control, call).items():
        if f"user/{person}" in asks or not roles.isdisjoint(delegated):
            return person
    return None


def approver(draft: Draft, control: commands.ApproveToolCall, call: RoundCall) -> Approver:
    """Return who approves, with the roles that were delegated to them beside their own."""
    person = of(draft, control, call)
    if person is None:
        return trusted(Approver)(id=control.actor_id, roles=control.roles)
    delegated = _absent(draft, control, call)[person]
    roles = tuple(dict.fromkeys((*control.roles, *delegated)))
    return trusted(Approver)(id=control.actor_id, roles=roles, on_behalf_of=person)


def same(draft: Draft, person: Approver, given: tuple[Approver, ...]) -> str | None:
    """Return who has approved already, themselves or by who acts for them; None if nobody has."""
    before = {name for each in given for name in counts_as(draft, each)}
    now = counts_as(draft, person)
    return next((written for name, written in now.items() if name in before), None)


def _absent(draft: Draft, control: Decision, call: RoundCall) -> dict[str, tuple[str, ...]]:
    """Return for whom a person may act on a call now, with the roles that they have delegated."""
    known, now, tenant = draft.env.definitions, draft.env.now, draft.run.tenant_id
    found = acting_for(known, control.actor_id, now, tenant, tool=call.tool)
    if draft.behaviour < BY_PERSON:
        return {each.person: each.roles for each in found}
    # A person may have delegated for all tenants, and for this one besides.
    together: dict[str, tuple[str, ...]] = {}
    for each in found:
        together[each.person] = (*together.get(each.person, ()), *each.roles)
    return together
