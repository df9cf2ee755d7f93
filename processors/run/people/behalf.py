"""For whom a person decides: for themselves, or for somebody absent who has delegated to them."""

from __future__ import annotations

from runfold.events import commands
from runfold.events.definitions.delegation import acting_for
from runfold.processors.run.behaviour import ESCALATION
from runfold.processors.run.draft import Draft
from runfold.processors.run.people.escalating import now_asked
from runfold.processors.run.state import RoundCall

Decision = commands.ApproveToolCall | commands.DenyToolCall | commands.AnswerQuestion


def refusal(draft: Draft, control: Decision, call: RoundCall) -> str:
    """Return why nobody decides for the person who is named, empty where somebody may."""
    person = control.on_behalf_of
    if person is None or draft.behaviour < ESCALATION or person in _absent(draft, control, call):
        return ""
    return draft.people("has_not_delegated", person=person, actor=control.actor_id)


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


def _absent(draft: Draft, control: Decision, call: RoundCall) -> dict[str, tuple[str, ...]]:
    """Return for whom a person may act on a call now, with the roles that they have delegated."""
    known, now, tenant = draft.env.definitions, draft.env.now, draft.run.tenant_id
    found = acting_for(known, control.actor_id, now, tenant, tool=call.tool)
    return {each.person: each.roles for each in found}
