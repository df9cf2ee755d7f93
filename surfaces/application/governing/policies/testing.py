"""The tests that stand beside policies: of files, or of what is published."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from runfold.events.definitions import Definition, Definitions, PolicyDefinition, ToolContract
from runfold.processors.definitions.unusable import contracts_of
from runfold.processors.run.policy.cedar.engine import of_one
from runfold.processors.run.policy.cedar.testing import failure_of
from runfold.surfaces.application import shapes


def results(
    policies: Iterable[Definition], contracts: Iterable[ToolContract]
) -> Iterator[shapes.PolicyTestResult]:
    """Yield what came of each test, given the tools that are known; policies are sound."""
    tools = {each.name: each for each in contracts}
    for policy in policies:
        if not isinstance(policy, PolicyDefinition):
            continue
        rules = of_one(policy)
        for test in policy.tests:
            said = failure_of(test, rules, tools)
            yield shapes.PolicyTestResult(
                policy=f"{policy.name}@{policy.version}",
                test=test.name,
                passed=said is None,
                said=said or "",
            )


def in_force(definitions: Definitions, tenant: str | None) -> list[Definition]:
    """Return the policies that hold for a tenant, or for all."""
    found = definitions.policies(tenant)
    return [each.definition for each in found.policies] if found else []


def tools_of(
    definitions: Definitions, tenant: str | None, offered: Iterable[Definition] = ()
) -> list[ToolContract]:
    """Return the tools that a tenant's policies can meet."""
    return contracts_of(definitions, tenant, offered)
