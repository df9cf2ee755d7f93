"""Which policies in force name the deployment's policy server, and for which calls."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from runfold.events.calls import PolicyQuestion
from runfold.events.definitions import (
    PoliciesInForce,
    PolicyDefinition,
    PolicyServer,
    ToolContract,
)
from runfold.processors.run.behaviour import BY_POLICIES
from runfold.processors.run.draft import Draft


class Servers(NamedTuple):
    """What servers are to be asked about a call, under policies of this digest."""

    questions: tuple[PolicyQuestion, ...]
    denies: bool
    digest: bytes


def servers_for(draft: Draft, contract: ToolContract) -> Servers | None:
    """Return what servers are to be asked about calls of a tool now, None for nothing."""
    if draft.behaviour < BY_POLICIES:
        return None
    policies = draft.env.definitions.policies(draft.run.tenant_id)
    if policies is None:
        return None
    found = [
        (policy, server)
        for policy, server in _serving(policies)
        if contract.risk_level >= server.from_level
    ]
    questions = tuple(
        PolicyQuestion(
            policy=f"{policy.name}@{policy.version}",
            path=server.path,
            timeout_ms=server.timeout_ms,
        )
        for policy, server in found
    )
    denies = any(server.when_unavailable == "deny" for _, server in found)
    return Servers(questions, denies, policies.digest) if questions else None


@lru_cache(maxsize=256)
def _serving(policies: PoliciesInForce) -> tuple[tuple[PolicyDefinition, PolicyServer], ...]:
    found = [each.definition for each in policies.policies]
    return tuple(
        (each, each.server)
        for each in found
        if isinstance(each, PolicyDefinition) and each.server is not None
    )
