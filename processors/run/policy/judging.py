"""Policies as code in a run's decisions, from behaviour 7 on (ADR 51)."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from runfold.events import run as j
from runfold.events.contents.content import Content
from runfold.events.definitions import AgentDefinition, Definitions, ToolContract
from runfold.events.definitions.levels import LEVELS
from runfold.events.people.approvals import ApprovalTerms
from runfold.events.trusted import trusted
from runfold.events.values import ErrorInfo, RunRequest
from runfold.processors.engine.aggregate import Env
from runfold.processors.run.behaviour import BY_LEVELS, BY_POLICIES
from runfold.processors.run.draft import Draft
from runfold.processors.run.policy import rules as built_in
from runfold.processors.run.policy import verdict
from runfold.processors.run.policy.cedar import request as asking
from runfold.processors.run.policy.cedar import terms
from runfold.processors.run.policy.cedar.engine import ParsedSet, parsed_set
from runfold.processors.run.policy.cedar.names import DOCUMENT_READ, MODEL_USE, RUN_START
from runfold.processors.run.policy.cedar.request import Circumstances
from runfold.processors.run.policy.verdict import Verdict
from runfold.processors.run.state import PLAIN, Live, OpenCall, Used
from runfold.processors.run.wording import for_people

FORBIDDEN = "forbidden"
"""The code of what a policy does not allow."""


class Judged(NamedTuple):
    """A decision on a call, and why a policy refuses it, in words for the model, if one does.

    ``terms`` are what policies demand of whoever approves it, and ``asks`` says that it is they
    who have a person asked.
    """

    decision: j.PolicyDecided
    refusal: str | None = None
    terms: ApprovalTerms = PLAIN
    asks: bool = False


def in_force(behaviour: int, definitions: Definitions, tenant: str) -> ParsedSet | None:
    """Return the policies that hold for a tenant's runs of a behaviour, None for none."""
    if behaviour < BY_POLICIES:
        return None
    found = definitions.policies(tenant)
    return None if found is None else parsed_set(found)


def policies_of(draft: Draft) -> ParsedSet | None:
    """Return the policies in force for a live run at the moment of the decision."""
    return in_force(draft.behaviour, draft.env.definitions, draft.run.tenant_id)


def judge_call(
    draft: Draft, contract: ToolContract | None, tool: str, call_id: str, arguments: Content | None
) -> Judged:
    """Return the decision on a call: the built-in rule's, then that of the policies in force.

    ``arguments`` are None where they are no JSON: such a call is not made whatever policies say.
    """
    run, agent = draft.run, draft.agent()
    plain = built_in.judge(run, agent, contract, tool, call_id)
    policies = policies_of(draft)
    if policies is None:
        return Judged(_tried_first(draft.behaviour, contract, plain))
    if contract is None or arguments is None or plain.effect is not j.PolicyEffect.PERMIT:
        return Judged(plain.model_copy(update={"policy_digest": policies.digest}))
    said = verdict.on_call(policies, agent, contract, arguments, circumstances(run, draft.env))
    decision = decision_on(draft.behaviour, contract, plain, policies, said)
    if said.permitted:
        demanded = terms.of_permits(said.rules, contract.risk_level)
        tried = _tried_first(draft.behaviour, contract, decision, said.dry_run)
        return Judged(tried, terms=demanded, asks=said.approval == "always")
    code, told = said.for_model
    return Judged(decision, draft.model(code, **told))


def _tried_first(
    behaviour: int, contract: ToolContract | None, decision: j.PolicyDecided, said: str = ""
) -> j.PolicyDecided:
    """Return a decision that asks for a dry run first, where the level or a permit does."""
    permitted = decision.effect is j.PolicyEffect.PERMIT
    if not permitted or contract is None or contract.dry_run is None or behaviour < BY_LEVELS:
        return decision
    by_default = contract.dry_run.first == "always" or LEVELS[contract.risk_level].dry_run
    if not (said == "always" or (by_default and said != "never")):
        return decision
    obligations = (*decision.obligations, built_in.DRY_RUN_FIRST)
    return decision.model_copy(update={"obligations": obligations})


class Asked(NamedTuple):
    """What policies say of something that a run begins with."""

    said: Verdict
    policies: ParsedSet
    resource: str
    action: str


def at_the_request(
    behaviour: int, request: RunRequest, agent: AgentDefinition, env: Env
) -> list[Asked]:
    """Return what policies say of a run's beginning and of its attachments, as far as any speaks.

    Each passes unless it is forbidden: what is attached the requester has given.
    """
    policies = in_force(behaviour, env.definitions, request.tenant_id)
    if policies is None:
        return []
    now = Circumstances(request, Used(), env.now)
    start = verdict.on(policies, RUN_START, "Tenant", lambda: asking.to_start(agent, now))
    found = (
        [] if start is None else [Asked(start, policies, f"tenant/{request.tenant_id}", RUN_START)]
    )
    for name in dict.fromkeys(each.name for each in request.attachments):
        read = partial(asking.to_read, agent, name, now)
        said = verdict.on(policies, DOCUMENT_READ, "Document", read)
        if said is not None:
            found.append(Asked(said, policies, f"Document/{name}", DOCUMENT_READ))
    return found


def judge_model(draft: Draft, model: str, call_id: str) -> tuple[j.PolicyDecided, Verdict] | None:
    """Return the decision on a call of a model, None where no policy speaks of such calls."""
    policies = policies_of(draft)
    if policies is None:
        return None
    now = circumstances(draft.run, draft.env)
    said = verdict.on(
        policies, MODEL_USE, "Model", lambda: asking.to_use(draft.agent(), model, now)
    )
    if said is None:
        return None
    return plainly(draft, draft.agent(), said, policies, f"model/{model}", MODEL_USE, call_id), said


def plainly(
    draft: Draft,
    agent: AgentDefinition,
    said: Verdict,
    policies: ParsedSet,
    resource: str,
    action: str,
    call_id: str | None = None,
) -> j.PolicyDecided:
    """Return the fact of a decision that asks for nothing besides."""
    return trusted(j.PolicyDecided)(
        call_id=call_id,
        effect=j.PolicyEffect.PERMIT if said.permitted else j.PolicyEffect.FORBID,
        policy_ids=said.ids,
        policy_digest=policies.digest,
        principal=f"agent/{agent.name}@{agent.version}",
        action=action,
        resource=resource,
        reason=_reason(draft.behaviour, said),
    )


def forbidden_model(draft: Draft, said: Verdict, model: str) -> ErrorInfo:
    """Return why a run whose model is forbidden cannot go on."""
    return ErrorInfo(
        error_type="forbidden_model",
        message=draft.people("model_forbidden", model=model, policies=", ".join(said.ids)),
        retryable=False,
        suggested_next_action=draft.people("ask_who_governs"),
    )


def judged_now(draft: Draft, call_id: str) -> bool:
    """Whether the rules in force have judged a call in this very decision already."""
    return any(
        isinstance(fact, j.PolicyDecided) and fact.call_id == call_id and fact.server is None
        for fact, _ in draft.steps
    )


def changed_since(draft: Draft, call: OpenCall) -> bool:
    """Whether other policies are in force than those that a call was judged by."""
    policies = policies_of(draft)
    return policies is not None and policies.digest != call.judged_by


def circumstances(run: Live, env: Env) -> Circumstances:
    """Return what policies are told of a run at the moment of a decision."""
    return Circumstances(run.request, run.counters, env.now, run.loop.taint)


def decision_on(
    behaviour: int,
    contract: ToolContract,
    plain: j.PolicyDecided,
    policies: ParsedSet,
    said: Verdict,
) -> j.PolicyDecided:
    """Return the decision on a call that the built-in rule permits, as policies change it."""
    update: dict[str, object] = {"policy_digest": policies.digest}
    if contract.policy is not None and said.asked is not None:
        about = said.asked.resource
        update |= {"action": contract.policy.action, "resource": f"{about.type}/{about.id}"}
    raised = built_in.TAINT in plain.policy_ids
    ids = (built_in.ALLOW_LIST, *said.ids)
    if not said.permitted:
        update |= {
            "effect": j.PolicyEffect.FORBID,
            "obligations": (),
            "reason": _reason(behaviour, said),
        }
        return plain.model_copy(update=update | {"policy_ids": ids})
    asks = _asks(plain, contract, said)
    demanded = terms.obligations(terms.of_permits(said.rules, contract.risk_level))
    update |= {"obligations": (built_in.NEEDS_APPROVAL, *demanded) if asks else ()}
    if said.ids and not raised:
        code = "policy_permits_asking" if asks else "policy_permits"
        update["reason"] = for_people(behaviour, code, **said.parameters)
    by_level = asks and said.approval != "always"
    ids = (*ids, built_in.APPROVAL) if by_level else ids
    return plain.model_copy(
        update=update | {"policy_ids": (*ids, built_in.TAINT) if raised else ids}
    )


def _reason(behaviour: int, said: Verdict) -> str:
    code, told = said.for_people
    return for_people(behaviour, code, **told)


def _asks(plain: j.PolicyDecided, contract: ToolContract, said: Verdict) -> bool:
    """Whether a person is asked: policies may always ask, and lift only what a level asks for."""
    if built_in.TAINT in plain.policy_ids:
        return True
    return asks_a_person(contract, said, declared=built_in.NEEDS_APPROVAL in plain.obligations)


def asks_a_person(contract: ToolContract, said: Verdict, *, declared: bool) -> bool:
    """Whether a person is asked, given whether contract, level and agent ask for one."""
    lifted = said.approval == "never" and contract.approval != "always"
    return said.approval == "always" or (declared and not lifted)
