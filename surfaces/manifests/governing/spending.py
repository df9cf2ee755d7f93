"""What an agent's manifest says of money: its cheaper models, and what follows at a limit."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from runfold.events.definitions.agents.agent import MoreAmounts, WhenSpent
from runfold.events.values import Limits
from runfold.infra.documents import Document, FieldPath

_OWN: FieldPath = ("extensions", "runfold")


def lower_cheaper(
    how: Mapping[str, Any], dearer: tuple[str, ...], document: Document
) -> tuple[str, ...]:
    """Return the models that take the place of others; ``dearer`` are the agent's usual ones."""
    names = tuple(f"{m['provider']}:{m['model']}" for m in how.get("cheaper_models", ()))
    for at, name in enumerate(names):
        path = (*_OWN, "model", "cheaper_models", at)
        if name in dearer:
            document.refuse(path, f"{name} is what it would take the place of")
        elif name in names[:at]:
            document.refuse(path, f"{name} is listed twice: keep one of them")
    return names


def lower_when_spent(own: Mapping[str, Any], limits: Limits, document: Document) -> dict[str, Any]:
    """Return the field that says what follows at a limit, if it is said."""
    if "when_spent" not in own:
        return {}
    said, path = own["when_spent"], (*_OWN, "when_spent")
    more = {
        unit: Decimal(str(much)) if unit == "usd" else much
        for unit, much in said.get("more", {}).items()
    }
    if said["action"] == "extend" and not more:
        document.refuse(path, "more must say what the run asks its tenant for")
    if said["action"] != "extend" and "times" in said:
        document.refuse((*path, "times"), "only extend asks by itself")
    if more.get("usd") == 0:
        document.refuse((*path, "more", "usd"), "an amount above zero in US dollars")
        return {}
    if "model_calls" in more and limits.max_model_calls is None:
        document.refuse((*path, "more", "model_calls"), "the agent has no limit max_model_calls")
    times = said.get("times", 1)
    amounts = MoreAmounts.model_validate(more)
    return {"when_spent": WhenSpent(action=said["action"], more=amounts, times=times)}
