"""Which policies in force name the deployment's policy server, and for which calls."""

from __future__ import annotations

from typing import NamedTuple

from runfold.events.calls import PolicyQuestion
from runfold.events.definitions import PolicyDefinition, ToolContract
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
        (each.definition, server)
        for each in policies.policies
        if isinstance(each.definition, PolicyDefinition)
        and (server := each.definition.server) is not None
        and contract.risk_level >= server.from_level
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
