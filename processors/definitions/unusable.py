"""Definitions that nothing could evaluate or run are not published, whoever offers them."""

from __future__ import annotations

from collections.abc import Iterable

from runfold.events.definitions import (
    AgentDefinition,
    Definition,
    Definitions,
    PolicyDefinition,
    State,
    ToolContract,
)
from runfold.events.json_schema import problems_of
from runfold.processors.run.policy.cedar import checking
from runfold.processors.tool.python.names import refusal_of


def unusable(definition: Definition, contracts: Iterable[ToolContract] = ()) -> str:
    """Return why a definition cannot be used, as a sentence, or an empty text.

    ``contracts`` are the tools that it can meet.
    """
    if isinstance(definition, PolicyDefinition):
        return next(iter(checking.faults(definition, contracts)), "")
    if isinstance(definition, AgentDefinition):
        return _unusable_schema(definition)
    return _unusable_contract(definition) if isinstance(definition, ToolContract) else ""


def _unusable_contract(contract: ToolContract) -> str:
    if never := refusal_of(contract.implementation):
        return f"implementation: {never}"
    if contract.contradicts:
        return "approval: at level 4 a person is always asked, so it cannot be never"
    if fault := _unusable_schema(contract):
        return fault
    return next(iter(checking.contract_faults(contract)), "")


def _unusable_schema(definition: AgentDefinition | ToolContract) -> str:
    for field in ("input_schema", "output_schema"):
        schema = getattr(definition, field)
        if schema is not None and (problems := problems_of(schema)):
            where = "/".join((field, *map(str, problems[0].path)))
            return f"{where} cannot be used: {problems[0].text}"
    return ""


def contracts_of(
    known: Definitions, tenant: str | None, offered: Iterable[Definition] = ()
) -> list[ToolContract]:
    """Return the tools that a tenant's policies can meet: every version that runs can have pinned.

    ``offered`` are about to be published beside them.
    """
    found = [
        each.definition
        for each in known
        if each.kind == "tool" and each.tenant in {None, tenant} and each.state != State.WITHDRAWN
    ]
    return [each for each in (*found, *offered) if isinstance(each, ToolContract)]
