"""What a call of a tool by an agent asks for, and why: the level's defaults as they are changed."""

from __future__ import annotations

from collections.abc import Iterator

from runfold.events.definitions import AgentDefinition, Definitions, ToolContract
from runfold.events.definitions.levels import LEVELS, Level
from runfold.processors.run.policy.tainted import FROM_LEVEL
from runfold.surfaces.application.errors import NotFoundError
from runfold.surfaces.application.governing.definitions import Reference
from runfold.surfaces.application.governing.policies.who_can import asked_of
from runfold.surfaces.application.shapes.access import ToolTerms


def terms_of_agent(definitions: Definitions, name: str, tenant: str | None) -> list[ToolTerms]:
    """Return the terms of every tool of an agent; raises NotFoundError for no such agent."""
    reference = Reference.of(name)
    agent = definitions.agent(reference.name, reference.version, tenant)
    if agent is None:
        raise NotFoundError(f"There is no agent {name}: runfold agents lists them.")
    found = [definitions.tool(each, None, tenant) for each in agent.tools]
    return [terms_of(definitions, agent, each, tenant or "") for each in found if each is not None]


def terms_of(
    definitions: Definitions, agent: AgentDefinition, contract: ToolContract, tenant: str
) -> ToolTerms:
    """Return what calls of a tool ask for in a tenant's runs of an agent.

    Policies decide on each call and may ask for more, or lift by ``@approval`` and ``@dry_run``.
    """
    governed = definitions.policies(tenant) is not None
    level, asked = LEVELS[contract.risk_level], asked_of(definitions, agent, contract, tenant)
    tried = contract.dry_run is not None and (contract.dry_run.first == "always" or level.dry_run)
    return ToolTerms(
        agent=agent.name,
        tool=contract.name,
        version=contract.version,
        level=level.number,
        level_name=level.name,
        approval=asked.most > 0,
        persons=asked.most,
        dry_run=tried,
        claim=contract.claims,
        permit=governed and (level.permit or contract.policy is not None),
        logged=level.logged,
        kept=level.kept,
        why=(*_why(agent, contract, level, governed=governed), *asked.why),
        persons_least=asked.least,
    )


def _why(
    agent: AgentDefinition, contract: ToolContract, level: Level, *, governed: bool
) -> Iterator[str]:
    if level.approval == "always":
        yield f"approval: always at level {level.number}"
    elif contract.approval != "by_level":
        yield f"approval: {contract.approval}, by the contract"
    else:
        yield f"approval: level {level.number}, and the agent asks from {agent.approval_from_level}"
    if level.number >= FROM_LEVEL:
        yield "approval: asked as well once the run has read what strangers wrote"
    if contract.dry_run is None:
        yield "dry run: the contract says no way"
    elif contract.dry_run.first == "always":
        yield "dry run: always, by the contract"
    else:
        yield f"dry run: {'from level 3 on' if level.dry_run else f'not at level {level.number}'}"
    if governed:
        yield "policies are in force: they decide on each call"
