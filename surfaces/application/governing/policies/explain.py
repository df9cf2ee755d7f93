"""Explain a call: what was decided, by which rules, on which inputs, decided again then and now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from runfold.events.definitions import Definitions, PoliciesInForce
from runfold.events.run import Event
from runfold.processors.run.policy.cedar.request import Asked
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import NotFoundError
from runfold.surfaces.application.governing.policies.recorded import (
    Again,
    Judgement,
    decided_again,
    judgements,
)
from runfold.surfaces.audit.definitions import DefinitionHistory


def explain(
    events: Iterable[Event], call_id: str, history: DefinitionHistory, now: Definitions
) -> list[shapes.PolicyExplanation]:
    """Return every decision on a call, in order; raises NotFoundError for a call without one."""
    found = [
        _explained(each, history, now)
        for each in judgements(events)
        if each.call.call_id == call_id
    ]
    if not found:
        raise NotFoundError(f"No policy has decided on a call {call_id}.")
    return found


def _explained(
    judgement: Judgement, history: DefinitionHistory, now: Definitions
) -> shapes.PolicyExplanation:
    meta, fact, run = judgement.event.meta, judgement.fact, judgement.run
    position = meta.definitions or 0
    then = history.at(position)
    again = _by(judgement, then, then.policies(run.tenant_id))
    today = _by(judgement, now, now.policies(run.tenant_id))
    asked = again.verdict.asked if again.verdict else None
    return shapes.PolicyExplanation(
        run_id=meta.run_id,
        call_id=judgement.call.call_id,
        seq=meta.seq,
        time=meta.time,
        principal=fact.principal,
        action=fact.action,
        resource=fact.resource,
        definitions=position,
        policy_digest=fact.policy_digest.hex(),
        inputs=_inputs(asked) if asked else None,
        recorded=judgement.answer,
        again=again.answer,
        now=today.answer,
    )


def _by(judgement: Judgement, known: Definitions, policies: PoliciesInForce | None) -> Again:
    found = decided_again(judgement, known, policies)
    if found is not None:
        return found
    reason = "its agent is not published any more"
    return Again(shapes.PolicyAnswer(effect="unknown", approval=False, policies=(), reason=reason))


def _inputs(asked: Asked) -> dict[str, Any]:
    """Return what policies were shown, as people read it."""
    return {
        "principal": {"id": asked.principal.id, **_plainly(dict(asked.principal.attributes))},
        "resource": {"id": asked.resource.id, **_plainly(dict(asked.resource.attributes))},
        "context": _plainly(asked.context),
    }


def _plainly(value: Any) -> Any:
    """Return a value of Cedar's JSON with its entities and decimals as texts."""
    if isinstance(value, dict):
        if "__entity" in value:
            return f"{value['__entity']['type']}::{value['__entity']['id']}"
        if "__extn" in value:
            return value["__extn"]["arg"]
        return {name: _plainly(each) for name, each in value.items()}
    return [_plainly(each) for each in value] if isinstance(value, list) else value
