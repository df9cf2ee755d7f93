"""What is asked of policies where a person does something to a run."""

from __future__ import annotations

from typing import Any, NamedTuple

from runfold.events.definitions import AgentDefinition, ToolContract
from runfold.events.people.approvals import Approver
from runfold.events.values import RunRequest
from runfold.processors.run.policy.cedar.names import RUN_CONTROL, TOOL_APPROVE
from runfold.processors.run.policy.cedar.request import (
    Asked,
    Attributes,
    Circumstances,
    Entity,
    action_of,
    reference_to,
    tool_entity,
    whoever,
)


class Approving(NamedTuple):
    """What an approval is: for what it holds, after how many others, whether it edits arguments."""

    scope: str = "once"
    approvals: int = 0
    edited: bool = False


def to_approve(
    who: Approver,
    agent: AgentDefinition,
    contract: ToolContract,
    circumstances: Circumstances,
    arguments: dict[str, Any],
    approving: Approving,
) -> Asked:
    """Return the question whether a person may approve a call of a tool."""
    request = circumstances.request
    context = {
        **circumstances.context(arguments),
        "requester": reference_to("User", request.user_id),
        "agent": reference_to("Agent", agent.name),
        "level": contract.risk_level,
        "scope": approving.scope,
        "approvals": approving.approvals,
        "edited": approving.edited,
    }
    return _asked(who, TOOL_APPROVE, tool_entity(contract), context, agent, request)


def to_control(
    who: Approver, agent: AgentDefinition, circumstances: Circumstances, control: str
) -> Asked:
    """Return the question whether a person may control a run; ``control`` says how."""
    request = circumstances.request
    context = {
        **circumstances.context(),
        "requester": reference_to("User", request.user_id),
        "agent": reference_to("Agent", agent.name),
        "control": control,
    }
    return _asked(who, RUN_CONTROL, run_entity(agent, request), context, agent, request)


def run_entity(agent: AgentDefinition, request: RunRequest) -> Entity:
    """Return a run as policies see it: it belongs to its agent and to its tenant."""
    attributes: Attributes = (
        ("agent", reference_to("Agent", agent.name)),
        ("user", reference_to("User", request.user_id)),
    )
    parents = (("Agent", agent.name), ("Tenant", request.tenant_id))
    return Entity("Run", request.run_id, attributes, parents)


def _asked(
    who: Approver,
    action: str,
    resource: Entity,
    context: dict[str, Any],
    agent: AgentDefinition,
    request: RunRequest,
) -> Asked:
    """Return a question of which a person is the principal; agent and requester are known besides.

    A person who is the requester has the roles of this very control, and no others.
    """
    acting, others = whoever(agent, request)
    principal = person_entity(who, request.tenant_id)
    known = (acting, *(each for each in others if each.id != who.id))
    return Asked(principal, action_of(action), resource, context, known)


def person_entity(who: Approver, tenant_id: str) -> Entity:
    """Return a person, who belongs to a tenant and to the roles that a control came with."""
    roles = (("Role", each) for each in who.roles)
    return Entity("User", who.id, (), (("Tenant", tenant_id), *roles))
