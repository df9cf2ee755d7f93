"""The access review: who can do what now, what was used of it, and what should be looked at [115].

Findings, by their names:

- ``never_used``, ``not_used``: an agent may call a tool and never did, or not in the period.
- ``high_risk_without_approval``: a call of level 3 or above may begin without a person.
- ``level_contradicted``: the tool's contract says by its level other than by the rest of it.
- ``never_run``, ``not_run``: an agent that nobody runs.
- ``permit_unused``: a permit that no decision in the period rested on.
- ``may_no_more``: somebody who started runs and may not start one now.
- ``stopped``, ``overdue``: a switch that stops something, and one that has done so for long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from runfold.events.definitions import AgentDefinition, Definitions, ToolContract
from runfold.events.definitions.contradictions import contradictions
from runfold.events.probe import reserved
from runfold.processors.run.policy.cedar.engine import Rule, parsed_set
from runfold.processors.run.policy.cedar.names import RUN_START
from runfold.surfaces.application.governing.access.terms import terms_of
from runfold.surfaces.application.governing.access.usage import UNUSED, Usage
from runfold.surfaces.application.governing.policies.who_can import may_call, who_can
from runfold.surfaces.application.shapes.access import (
    AccessReview,
    AgentAccess,
    RuleAccess,
    StartAccess,
    SwitchAccess,
    ToolAccess,
)

MOST_PAIRS = 10_000
"""Pairs of agents and tools that one review looks at."""

OVERDUE = timedelta(days=30)
"""How long a switch may stop something before somebody decides what becomes of it."""

HIGH = 3

_Told = Callable[[int, int], None]


def review(
    definitions: Definitions,
    usage: Usage,
    *,
    since: datetime,
    now: datetime,
    tenant: str | None = None,
    told: _Told = lambda _done, _whole: None,
) -> AccessReview:
    """Return the review of a tenant, or of all that have definitions or runs.

    ``told`` hears how many of the pairs are done. What has findings comes first, the dangerous
    before the harmless.
    """
    tenants = (tenant,) if tenant else tuple(sorted(_tenants(definitions, usage)))
    pairs = [(t, a, c) for t in tenants for a, c in _pairs(definitions, t)]
    tools = [
        _tool(definitions, usage, *pair)
        for pair in _counted(pairs[:MOST_PAIRS], told, min(len(pairs), MOST_PAIRS))
    ]
    agents = [_agent(usage, t, a) for t in tenants for a in _agents(definitions, t)]
    rules = [each for t in tenants for each in _rules(definitions, usage, t)]
    starts = list(_starts(definitions, usage, set(tenants)))[:MOST_PAIRS]
    switches = list(_switches(definitions, tenant, now))
    sections = (tools, agents, rules, starts, switches)
    return AccessReview(
        since=since,
        reviewed_at=now,
        definitions=definitions.position,
        tenants=tenants,
        complete=len(pairs) <= MOST_PAIRS,
        findings=sum(len(each.findings) for section in sections for each in section),
        tools=tuple(sorted(tools, key=_tool_order)),
        starts=tuple(sorted(starts, key=lambda e: (not e.findings, e.tenant, e.user, e.agent))),
        agents=tuple(sorted(agents, key=lambda e: (not e.findings, e.tenant, e.agent))),
        rules=tuple(sorted(rules, key=lambda e: (not e.findings, e.tenant, e.rule))),
        switches=tuple(sorted(switches, key=lambda e: (-len(e.findings), e.kind, e.name))),
    )


def _tool_order(each: ToolAccess) -> tuple[object, ...]:
    return (not each.findings, -each.level, each.tenant, each.agent, each.tool)


def _counted(
    pairs: list[tuple[str, AgentDefinition, ToolContract]], told: _Told, whole: int
) -> Iterator[tuple[str, AgentDefinition, ToolContract]]:
    for done, pair in enumerate(pairs):
        told(done, whole)
        yield pair
    told(whole, whole)


def _tenants(definitions: Definitions, usage: Usage) -> set[str]:
    owners = {each.tenant for each in definitions if each.tenant}
    found = {name for name in owners | usage.tenants if not reserved(name)}
    return found or {"default"}


def _agents(definitions: Definitions, tenant: str) -> Iterator[AgentDefinition]:
    for name in sorted(definitions.names("agent", tenant)):
        agent = definitions.agent(name, None, tenant)
        if agent is not None and agent.name == name:
            yield agent


def _pairs(definitions: Definitions, tenant: str) -> Iterator[tuple[AgentDefinition, ToolContract]]:
    for agent in _agents(definitions, tenant):
        for name in agent.tools:
            contract = definitions.tool(name, None, tenant)
            if contract is not None:
                yield agent, contract


def _tool(
    definitions: Definitions,
    usage: Usage,
    tenant: str,
    agent: AgentDefinition,
    contract: ToolContract,
) -> ToolAccess:
    answer, policies, reason = may_call(definitions, agent, contract, tenant)
    terms = terms_of(definitions, agent, contract, tenant)
    used = usage.tools.get((tenant, agent.name, contract.name), UNUSED)
    stopped = any(
        definitions.stopped(kind, name, tenant)
        for kind, name in (("tenant", tenant), ("agent", agent.name), ("tool", contract.name))
    )
    findings = list(_unused("used", used.times, used.last)) if answer != "no" else []
    if answer != "no" and contract.risk_level >= HIGH and not terms.approval:
        findings.insert(0, "high_risk_without_approval")
    if any(contradictions(contract)):
        findings.append("level_contradicted")
    return ToolAccess(
        tenant=tenant,
        agent=agent.name,
        version=agent.version,
        tool=contract.name,
        level=contract.risk_level,
        answer="no" if stopped else answer,
        approval=terms.approval,
        policies=policies,
        reason="stopped by a switch" if stopped else reason,
        calls=used.times,
        last_used=used.last,
        findings=tuple(findings),
    )


def _unused(what: str, times: int, last: datetime | None) -> Iterator[str]:
    if last is None:
        yield f"never_{what}"
    elif times == 0:
        yield f"not_{what}"


def _agent(usage: Usage, tenant: str, agent: AgentDefinition) -> AgentAccess:
    used = usage.of_agent(tenant, agent.name)
    return AgentAccess(
        tenant=tenant,
        agent=agent.name,
        version=agent.version,
        tools=len(agent.tools),
        runs=used.times,
        last_run=used.last,
        findings=tuple(_unused("run", used.times, used.last)),
    )


def _rules(definitions: Definitions, usage: Usage, tenant: str) -> Iterator[RuleAccess]:
    known = definitions.policies(tenant)
    for rule in _each(parsed_set(known).rules.values()) if known is not None else ():
        used = usage.rules.get((tenant, rule.id), UNUSED)
        unused = not rule.forbids and used.times == 0
        yield RuleAccess(
            tenant=tenant,
            rule=rule.id,
            policy=rule.policy,
            effect="forbid" if rule.forbids else "permit",
            actions=tuple(sorted(rule.actions or ())),
            decisions=used.times,
            last_used=used.last,
            findings=("permit_unused",) if unused else (),
        )


def _each(rules: Iterable[Rule]) -> list[Rule]:
    return sorted(rules, key=lambda rule: rule.id)


def _starts(definitions: Definitions, usage: Usage, tenants: set[str]) -> Iterator[StartAccess]:
    for (tenant, user, agent), used in usage.starts.items():
        if tenant not in tenants or used.last is None:
            continue
        grants = who_can(definitions, RUN_START, tenant, tenant=tenant, user=user, only=agent)
        answer = grants[0].answer if grants else "no"
        yield StartAccess(
            tenant=tenant,
            user=user,
            agent=agent,
            answer=answer,
            policies=grants[0].policies if grants else (),
            runs=used.times,
            last_run=used.last,
            findings=("may_no_more",) if answer == "no" else (),
        )


def _switches(
    definitions: Definitions, tenant: str | None, now: datetime
) -> Iterator[SwitchAccess]:
    for name, thrown in definitions.switches():
        if tenant is not None and name.tenant not in {None, tenant}:
            continue
        long = thrown.at is not None and now - thrown.at > OVERDUE
        yield SwitchAccess(
            tenant=name.tenant,
            kind=name.kind,
            name=name.name,
            reason=thrown.reason,
            thrown_by=thrown.by,
            thrown_at=thrown.at,
            findings=("stopped", "overdue") if long else ("stopped",),
        )
