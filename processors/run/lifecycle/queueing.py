"""How a run asks its tenant to be admitted, and what follows from the answer [105, 131]."""

from __future__ import annotations

from runfold.events import run as j
from runfold.events.tenant import AdmissionAnswered, AdmissionAsked, Asks, RunReturned, Verdict
from runfold.events.values import ErrorInfo
from runfold.processors.run.agent.next_step import proceed
from runfold.processors.run.behaviour import BY_TENANT
from runfold.processors.run.brakes.beginning import set_brakes
from runfold.processors.run.draft import Draft
from runfold.processors.run.flow import advancing
from runfold.processors.run.lifecycle import endings, extending
from runfold.processors.run.policy.withdrawn import fallbacks_of
from runfold.processors.run.state import Live

_NEVER = frozenset({"above_budget", "no_amount"})
"""The codes of refusals that no waiting helps."""


def must_ask(draft: Draft) -> bool:
    """Whether a policy of the run's tenant is in force, so that the tenant admits its runs."""
    if draft.behaviour < BY_TENANT:
        return False
    return draft.env.definitions.tenant_policy(draft.run.tenant_id) is not None


def ask(draft: Draft) -> None:
    """Have the run wait for its tenant."""
    draft.say(j.RunQueued(reason=draft.people("asks_tenant"), asks=_asks(draft.run)))


def question(run: Live) -> AdmissionAsked:
    """Return what a run asks its tenant."""
    return AdmissionAsked(tenant_id=run.tenant_id, asks=_asks(run))


def _asks(run: Live) -> Asks:
    return Asks(
        run_id=run.run_id,
        user_id=run.request.user_id,
        agent=run.agent.name,
        feature=run.request.feature,
        priority=run.request.priority,
        max_cost=run.limits.max_cost,
        max_tokens=run.limits.max_total_tokens,
        max_tool_calls=run.limits.max_tool_calls,
        max_retries=run.limits.max_retries,
    )


def answered(draft: Draft, answer: AdmissionAnswered) -> None:
    """Begin the run, say where it stands in the queue, or end it; once begun nothing changes."""
    if not draft.run.entry.asked or draft.run.started:
        return
    match answer.verdict:
        case Verdict.GRANTED:
            draft.say(
                j.RunAdmitted(
                    reserved=answer.reserved,
                    cheaper=answer.cheaper,
                    model=_cheaper_model(draft) if answer.cheaper else None,
                    rates=answer.rates,
                )
            )
            draft.say(j.RunStarted())
            set_brakes(draft)
            advancing.begin(draft)
            proceed(draft)
        case Verdict.QUEUED:
            draft.say(j.RunQueued(reason=answer.reason, position=answer.position))
        case Verdict.REFUSED:
            error = ErrorInfo(
                error_type=answer.code,
                message=answer.reason,
                retryable=answer.code not in _NEVER,
                retry_after_ms=answer.retry_after_ms,
                suggested_next_action=draft.people("wait_or_raise"),
            )
            endings.refused(draft, error)
        case _:
            # A newer tenant's. It may count the run as admitted: it is told that the run is over.
            endings.fail(draft, endings.EXIT_NOT_ADMITTED, _unknown(draft))


def _unknown(draft: Draft) -> ErrorInfo:
    return ErrorInfo(
        error_type=extending.UNKNOWN_ANSWER,
        message=draft.people("unknown_answer"),
        retryable=True,
        suggested_next_action=draft.people("upgrade_runs"),
    )


def _cheaper_model(draft: Draft) -> str | None:
    """Return the first of the agent's cheaper models that no switch stops."""
    run, known = draft.run, draft.env.definitions
    usable = fallbacks_of(run, draft.agent().model.cheaper, known)
    return next(iter(usable), None)


def asked_of_tenant(meta: j.Meta, fact: j.RunQueued) -> AdmissionAsked | None:
    """Return what a fact asks the run's tenant, None where it only says where the run stands."""
    if fact.asks is None:
        return None
    return AdmissionAsked(tenant_id=meta.tenant_id, asks=fact.asks)


def returned_to_tenant(meta: j.Meta, fact: j.RunSettled) -> RunReturned:
    """Return what a fact tells the run's tenant."""
    return RunReturned(
        tenant_id=meta.tenant_id,
        run_id=meta.run_id,
        spent=fact.spent,
        tokens=fact.tokens,
        tool_calls=fact.tool_calls,
        calls=fact.calls,
        retries=fact.retries,
        open=fact.open,
        held=fact.held,
    )
