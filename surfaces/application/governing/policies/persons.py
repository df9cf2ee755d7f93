"""What a person may do with the runs of an agent, with the circumstances left open."""

from __future__ import annotations

from collections.abc import Iterator

from runfold.events.definitions import AgentDefinition, Definitions, PoliciesInForce
from runfold.events.people.approvals import Approver
from runfold.events.values import RunRequest
from runfold.processors.run.policy.cedar import request as asking
from runfold.processors.run.policy.cedar.engine import Says, parsed_set
from runfold.processors.run.policy.cedar.names import RUN_CONTROL
from runfold.processors.run.policy.cedar.partial import possible
from runfold.processors.run.policy.cedar.persons import person_entity, run_entity
from runfold.processors.run.policy.cedar.request import Asked, Entity, action_of

Said = tuple[str, tuple[str, ...], str]
"""An answer (yes, no, depends), the rules behind it, and the reason."""


def by_person(
    definitions: Definitions,
    policies: PoliciesInForce | None,
    agent: AgentDefinition,
    request: RunRequest,
    action: str,
    about: tuple[str, str],
) -> Iterator[tuple[str | None, Said]]:
    """Yield whether the requester may approve calls of a tool, or control runs, of an agent."""
    for tool, resource in _resources(definitions, agent, request, action, about):
        yield tool, _said(policies, agent, request, action, resource)


def _resources(
    definitions: Definitions,
    agent: AgentDefinition,
    request: RunRequest,
    action: str,
    about: tuple[str, str],
) -> Iterator[tuple[str | None, Entity]]:
    if action == RUN_CONTROL:
        run = request.model_copy(update={"run_id": about[1]})
        yield None, run_entity(agent, run)
        return
    tools = (definitions.tool(name, None, request.tenant_id) for name in agent.tools)
    for contract in (each for each in tools if each is not None):
        if about == ("Tool", contract.name):
            yield contract.name, asking.tool_entity(contract)


_REFUSED = {Says.ERROR: "cannot be evaluated", Says.FORBID: "forbidden"}


def _said(
    policies: PoliciesInForce | None,
    agent: AgentDefinition,
    request: RunRequest,
    action: str,
    resource: Entity,
) -> Said:
    if policies is None:
        return "yes", (), "no policy is in force"
    rules = parsed_set(policies)
    acting, _ = asking.whoever(agent, request)
    who = person_entity(Approver(id=request.user_id, roles=request.roles), request.tenant_id)
    said = possible(rules, Asked(who, action_of(action), resource, {}, (acting,)))
    if (why_not := _REFUSED.get(said.says)) is not None:
        return "no", said.ids, why_not
    if said.depends:
        return "depends", said.ids, "on the circumstances"
    if said.says is Says.PERMIT:
        return "yes", said.ids, "permitted"
    if rules.lists_who_may(action, resource.type, resource.id):
        return "no", (), "no policy permits it"
    return "yes", (), "nothing forbids it"
