"""Who can do what: every agent is asked about, with the circumstances left open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from runfold.events.contents.content import text
from runfold.events.definitions import AgentDefinition, Definitions, ToolContract
from runfold.events.values import RunRequest
from runfold.processors.run.policy.cedar import request as asking
from runfold.processors.run.policy.cedar.engine import Says, parsed_set
from runfold.processors.run.policy.cedar.names import (
    ACTIONS,
    MODEL_USE,
    PEOPLES,
    RUN_CONTROL,
    RUN_START,
    TOOL_APPROVE,
    TOOL_CALL,
)
from runfold.processors.run.policy.cedar.partial import Possible, possible
from runfold.processors.run.policy.cedar.request import Asked, Entity, action_of
from runfold.processors.run.policy.cedar.testing import reference
from runfold.processors.run.policy.verdict import DENIED_FROM
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import InvalidError
from runfold.surfaces.application.governing.policies.persons import by_person
from runfold.surfaces.application.governing.policies.persons_asked import (
    PersonsAsked,
    by_declaration,
    by_policies,
)

_WHEN = datetime(2026, 1, 1, tzinfo=UTC)
_RESOURCES = {TOOL_CALL: "Tool", RUN_START: "Tenant", MODEL_USE: "Model", RUN_CONTROL: "Run"}


def who_can(
    definitions: Definitions,
    action: str,
    resource: str,
    *,
    tenant: str,
    user: str = "somebody",
    roles: tuple[str, ...] = (),
    only: str | None = None,
) -> list[shapes.Grant]:
    """Return what each agent may do, in the name of a user with these roles.

    Of ``tool.approve`` and ``run.control`` it is the user who may, with that agent's runs. What
    depends on the context of a call is left open. ``only`` asks about one agent. Raises
    InvalidError for a resource that is no reference.
    """
    try:
        name = reference(action, "Action")[1]
        about = reference(resource, _RESOURCES.get(name, "Tool"))
    except ValueError as fault:
        raise InvalidError(f"{fault}.") from None
    request = _request(tenant, user, roles)
    found: list[shapes.Grant] = []
    for agent_name in sorted(definitions.names("agent", tenant)) if only is None else [only]:
        agent = definitions.agent(agent_name, None, tenant)
        if agent is not None and agent.name == agent_name:
            found += _grants(definitions, agent, request, name, about)
    return found


def need_asked_about(definitions: Definitions, action: str) -> None:
    """Raise InvalidError for an action that is asked about of no agent: "nobody" would mislead."""
    action = action.removeprefix('Action::"').rstrip('"')
    if action in PEOPLES:
        raise InvalidError(f"{action} is asked of people outside of runs: see runfold policy test.")
    made = (each.definition for each in definitions)
    own = {each.policy.action for each in made if isinstance(each, ToolContract) and each.policy}
    if action not in {*ACTIONS, *own}:
        known = ", ".join(dict.fromkeys((*ACTIONS, *sorted(own))))
        raise InvalidError(f"There is no action {action}; there are {known}.")


def may_call(
    definitions: Definitions, agent: AgentDefinition, contract: ToolContract, tenant: str
) -> tuple[str, tuple[str, ...], str]:
    """Return whether an agent may call a tool, the rules behind it, and the reason."""
    request = _request(tenant, "somebody", ())
    resource = asking.tool_entity(contract)
    return _said(definitions, agent, request, TOOL_CALL, resource, contract)


def asked_of(
    definitions: Definitions,
    agent: AgentDefinition,
    contract: ToolContract,
    tenant: str,
    request: RunRequest | None = None,
    about: Entity | None = None,
) -> PersonsAsked:
    """Return how many persons calls of a tool ask for in an agent's runs.

    ``about`` is what they are about, where the contract names an action of its own: without it,
    each permit of that action counts as open.
    """
    known = definitions.policies(tenant)
    if known is None:
        return by_declaration(agent, contract)
    policies = parsed_set(known)
    principal, others = asking.whoever(agent, request or _request(tenant, "somebody", ()))
    whole = Asked(principal, action_of(TOOL_CALL), asking.tool_entity(contract), {}, others)
    answers, own = [possible(policies, whole)], contract.policy
    if own is not None and about is not None:
        answers.append(
            possible(policies, Asked(principal, action_of(own.action), about, {}, others))
        )
    elif own is not None:
        heads = policies.permits_of(own.action, own.resource.type)
        answers.append(Possible(Says.NOTHING, perhaps=heads))
    return by_policies(agent, contract, answers)


def _request(tenant: str, user: str, roles: tuple[str, ...]) -> RunRequest:
    return RunRequest(
        run_id="", tenant_id=tenant, user_id=user, agent="", goal=text(""), requested_at=_WHEN,
        roles=roles,
    )  # fmt: skip


def _grants(
    definitions: Definitions,
    agent: AgentDefinition,
    request: RunRequest,
    action: str,
    about: tuple[str, str],
) -> Iterator[shapes.Grant]:
    if action in {RUN_START, MODEL_USE}:
        said = _said(definitions, agent, request, action, Entity(*about), None)
        yield _grant(agent, None, *said)
        return
    if action in {TOOL_APPROVE, RUN_CONTROL}:
        known = definitions.policies(request.tenant_id)
        yield from (
            _grant(agent, tool, *said)
            for tool, said in by_person(definitions, known, agent, request, action, about)
        )
        return
    tools = [definitions.tool(name, None, request.tenant_id) for name in agent.tools]
    for contract in (each for each in tools if each is not None):
        own = contract.policy
        named = own is not None and (own.action, own.resource.type) == (action, about[0])
        if action == TOOL_CALL and about == ("Tool", contract.name):
            resource = asking.tool_entity(contract)
        elif named:
            resource = Entity(*about)
        else:
            continue
        said = _said(definitions, agent, request, action, resource, contract)
        named_one = resource if action != TOOL_CALL else None
        asked = asked_of(definitions, agent, contract, request.tenant_id, request, named_one)
        yield _grant(agent, contract.name, *said, asked if said[0] != "no" else None)


def _said(
    definitions: Definitions,
    agent: AgentDefinition,
    request: RunRequest,
    action: str,
    resource: Entity,
    contract: ToolContract | None,
) -> tuple[str, tuple[str, ...], str]:
    """Return the answer, the rules behind it, and the reason."""
    known = definitions.policies(request.tenant_id)
    if known is None:
        return _but_for_scopes(contract, (), "no policy is in force")
    policies = parsed_set(known)
    principal, others = asking.whoever(agent, request)
    questions = [Asked(principal, action_of(action), resource, {}, others)]
    if contract is not None and action != TOOL_CALL:
        whole = asking.tool_entity(contract)
        questions.insert(0, Asked(principal, action_of(TOOL_CALL), whole, {}, others))
    answers = [possible(policies, each) for each in questions]
    for says in (Says.ERROR, Says.FORBID):
        hit = [each for each in answers if each.says is says]
        if hit:
            return "no", _ids(hit), "forbidden" if says is Says.FORBID else "cannot be evaluated"
    return _not_forbidden(answers, action, contract)


def _not_forbidden(
    answers: list[Possible], action: str, contract: ToolContract | None
) -> tuple[str, tuple[str, ...], str]:
    """Return the answer where no forbid is certain."""
    decisive = answers[-1]
    # A permit of the tool alone does not decide where the contract names an action of its own.
    opened = [each for each in answers if each.depends and (each is decisive or each.may_forbid)]
    own = contract.policy if contract is not None else None
    if own is not None and action == TOOL_CALL:
        return "depends", _ids(opened), f"on the {own.resource.type} that the call is about"
    if opened:
        return "depends", _ids(opened), "on the circumstances of the call"
    needs_permit = contract is not None and (own is not None or contract.risk_level >= DENIED_FROM)
    if decisive.says is not Says.PERMIT and needs_permit:
        return "no", (), "no policy permits it"
    permitted = decisive.says is Says.PERMIT
    said = "permitted" if permitted else "nothing forbids it"
    return _but_for_scopes(contract, decisive.ids, said)


def _but_for_scopes(
    contract: ToolContract | None, policies: tuple[str, ...], reason: str
) -> tuple[str, tuple[str, ...], str]:
    if contract is None or not contract.scopes:
        return "yes", policies, reason
    scopes = ", ".join(contract.scopes)
    return "depends", policies, f"on the requester, who needs the scopes {scopes}"


def _ids(found: list[Possible]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for each in found for name in each.ids))


def _grant(
    agent: AgentDefinition,
    tool: str | None,
    answer: str,
    policies: tuple[str, ...],
    reason: str,
    asked: PersonsAsked | None = None,
) -> shapes.Grant:
    return shapes.Grant(
        agent=agent.name,
        version=agent.version,
        tool=tool,
        answer=answer,
        policies=policies,
        reason=reason,
        persons=asked.most if asked else None,
        persons_least=asked.least if asked else None,
        asks=asked.why if asked else (),
    )
