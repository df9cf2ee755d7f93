"""The built-in rule on a proposed tool call; a policy language takes its place later [104].

A call is permitted if the tool is on the agent's allow-list. Whether a person must approve it
follows from the contract (always, never) or from its risk level and the agent's threshold.
"""

from __future__ import annotations

from runfold.events import run as j
from runfold.events.definitions import AgentDefinition, ToolContract
from runfold.events.definitions.levels import LEVELS
from runfold.events.trusted import trusted
from runfold.processors.run.behaviour import BY_LEVELS
from runfold.processors.run.policy import tainted
from runfold.processors.run.state import Live
from runfold.processors.run.wording import for_people

ALLOW_LIST = "runfold:agent-allow-list"
APPROVAL = "runfold:approval-by-risk"
TAINT = "runfold:approval-of-what-was-read"
SCOPES = "runfold:scopes-of-the-requester"
NEEDS_APPROVAL = "approval"
DRY_RUN_FIRST = "dry_run"


def judge(
    run: Live, agent: AgentDefinition, contract: ToolContract | None, tool: str, call_id: str
) -> j.PolicyDecided:
    """Return the decision on one proposed call."""
    lacking = missing_scopes(run, contract)
    permitted = contract is not None and not lacking
    asks = permitted and contract is not None and asks_a_person(run, agent, contract)
    used = (ALLOW_LIST, SCOPES) if lacking else (ALLOW_LIST, APPROVAL) if asks else (ALLOW_LIST,)
    raised = asks and contract is not None and tainted.asks_a_person(run, contract)
    used = (*used, TAINT) if raised else used
    return trusted(j.PolicyDecided)(
        call_id=call_id,
        effect=j.PolicyEffect.PERMIT if permitted else j.PolicyEffect.FORBID,
        policy_ids=used,
        policy_digest=run.agent.digest,
        principal=f"agent/{agent.name}@{agent.version}",
        action="tool.call",
        resource=f"tool/{contract.name}@{contract.version}" if contract else f"tool/{tool}",
        reason=_lacks(run.behaviour, contract, lacking)
        if contract is not None and lacking
        else _has_read(run, contract)
        if raised and contract is not None
        else _reason(run.behaviour, agent, contract, tool, asks=asks),
        obligations=(NEEDS_APPROVAL,) if asks else (),
    )


def missing_scopes(run: Live, contract: ToolContract | None) -> list[str]:
    """Return the scopes that a tool needs and the run's requester has not [98].

    Up to behaviour 3 the tool processor alone looked, after the permit and the start.
    """
    if contract is None or run.behaviour < 4:
        return []
    return sorted(set(contract.scopes) - set(run.request.scopes))


def asks_a_person(run: Live, agent: AgentDefinition, contract: ToolContract) -> bool:
    """Whether a person must approve a call; of a high risk whatever the contract says."""
    asked_for = needs_approval(agent, contract) or (run.behaviour >= 4 and contract.contradicts)
    if run.behaviour >= BY_LEVELS:
        asked_for = asks_by_declaration(agent, contract)
    return asked_for or tainted.asks_a_person(run, contract)


def asks_by_declaration(agent: AgentDefinition, contract: ToolContract) -> bool:
    """Whether level, contract and agent have a person asked, from behaviour 7 on.

    At a level that always asks neither contract nor agent can say otherwise.
    """
    return LEVELS[contract.risk_level].approval == "always" or needs_approval(agent, contract)


def needs_approval(agent: AgentDefinition, contract: ToolContract) -> bool:
    """Whether a person must approve calls of this tool by this agent [108]."""
    if contract.approval == "by_level":
        return contract.risk_level >= agent.approval_from_level
    return contract.approval == "always"


def _reason(
    behaviour: int,
    agent: AgentDefinition,
    contract: ToolContract | None,
    tool: str,
    *,
    asks: bool,
) -> str:
    if contract is None:
        allowed = ", ".join(agent.tools) or "none"
        return for_people(behaviour, "tool_not_allowed", tool=tool, agent=agent.name, tools=allowed)
    code = "needs_approval" if asks else "needs_no_approval"
    return for_people(behaviour, code, level=contract.risk_level)


def _has_read(run: Live, contract: ToolContract) -> str:
    read = ", ".join(run.loop.taint)
    return for_people(run.behaviour, "tainted", level=contract.risk_level, tools=read)


def _lacks(behaviour: int, contract: ToolContract, lacking: list[str]) -> str:
    return for_people(behaviour, "lacks_scopes", tool=contract.name, scopes=", ".join(lacking))
