"""Which models a run may call: its own, and the fallbacks that may answer in its place."""

from __future__ import annotations

from typing import NamedTuple

from runfold.processors.run.agent.calls.reservations import release
from runfold.processors.run.draft import Draft
from runfold.processors.run.lifecycle import endings
from runfold.processors.run.policy.judging import forbidden_model, judge_model
from runfold.processors.run.policy.models import names_of_model
from runfold.processors.run.policy.withdrawn import fallbacks_of


class Models(NamedTuple):
    """The fallbacks of a model that may be called, and the digest of the policies that say so."""

    fallbacks: tuple[str, ...]
    judged_by: bytes | None = None


def models_permitted(draft: Draft, call_id: str) -> Models | None:
    """Return which models may be called now; None where the agent's own may not: the run ends."""
    run = draft.run
    fallbacks = fallbacks_of(run, _declared(draft), draft.env.definitions)
    digest = None
    for name in names_of_model(draft):
        own = judge_model(draft, name, call_id)
        if own is None:
            return Models(fallbacks)
        decision, said = own
        digest = decision.policy_digest
        draft.say(decision)
        if not said.permitted:
            error = forbidden_model(draft, said, name)
            release(draft, call_id)
            endings.fail(draft, endings.EXIT_WITHDRAWN, error)
            return None
    permitted = []
    for model in fallbacks:
        judged = judge_model(draft, model, call_id)
        assert judged is not None
        draft.say(judged[0])
        if judged[1].permitted:
            permitted.append(model)
    return Models(tuple(permitted), digest)


def _declared(draft: Draft) -> tuple[str, ...]:
    """Return the models that may answer in the place of the run's own, none of them dearer."""
    model, run = draft.agent().model, draft.run
    if not run.entry.cheaper:
        return model.fallbacks
    return tuple(name for name in model.cheaper if name != run.pinned.model)
