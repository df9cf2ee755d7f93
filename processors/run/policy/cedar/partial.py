"""What policies could say of a question whose context is left open; for people, never to decide."""

from __future__ import annotations

import json
from dataclasses import dataclass

from runfold.processors.run.policy.cedar.engine import ParsedSet, Rule, Says
from runfold.processors.run.policy.cedar.request import Asked, Entity, entities_json


@dataclass(frozen=True, slots=True)
class Possible:
    """What is certain of a question, or, where it ``depends``, the rules on which it does.

    ``may_forbid`` says that a forbid is among them. ``permits`` are the permits that certainly
    match, ``perhaps`` those of which it is open.
    """

    says: Says
    ids: tuple[str, ...] = ()
    depends: bool = False
    may_forbid: bool = False
    permits: tuple[Rule, ...] = ()
    perhaps: tuple[Rule, ...] = ()


def possible(policies: ParsedSet, asked: Asked) -> Possible:
    """Return what rules say of a question whatever its context is."""
    import cedarpy  # noqa: PLC0415 - as in the engine

    if policies.handle is None:
        return Possible(Says.ERROR)
    question = {
        "principal": _text(asked.principal),
        "action": _text(asked.action),
        "resource": _text(asked.resource),
        "context": None,
    }
    said = cedarpy.is_authorized_partial(question, policies.handle, entities_json(asked))
    if said.diagnostics.errors:
        return Possible(Says.ERROR)
    certain = [policies.rules[key] for key in sorted(said.diagnostics.reasons)]
    open_ = [policies.rules[key] for key in sorted(said.diagnostics.nontrivial_residuals)]
    if forbids := [each for each in certain if each.forbids]:
        return Possible(Says.FORBID, tuple(each.id for each in forbids))
    says = Says.PERMIT if certain else Says.NOTHING
    matters = [each for each in open_ if each.forbids or not certain]
    return Possible(
        says,
        tuple(each.id for each in matters or certain),
        depends=bool(matters),
        may_forbid=any(each.forbids for each in matters),
        permits=tuple(certain),
        perhaps=tuple(each for each in open_ if not each.forbids),
    )


def _text(entity: Entity) -> str:
    return f"{entity.type}::{json.dumps(entity.id, ensure_ascii=False)}"
