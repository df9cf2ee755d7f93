"""Rules that are nothing but a head: what they say needs no evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runfold.processors.run.policy.cedar.request import Entity

_EXACT = frozenset({"All", "is", "=="})
"""Heads that ``Rule.may_match`` decides: the others look at what a resource belongs to."""


def has_only_a_head(body: Mapping[str, Any], action: Entity) -> bool:
    """Whether a rule matches an action for everybody, on each resource that its head lets it match.

    ``body`` is the rule in Cedar's JSON.
    """
    resource = body["resource"]
    return (
        not body["conditions"]
        and body["principal"]["op"] == "All"
        and resource["op"] in _EXACT
        and "in" not in resource
        and _matches(body["action"], action)
    )


def _matches(scope: Mapping[str, Any], action: Entity) -> bool:
    """Whether the head names the action, or with ``in`` a group that it belongs to."""
    own = (action.type, action.id)
    match scope["op"]:
        case "All":
            return True
        case "==":
            return own == _named(scope["entity"])
        case "in":
            entities = [scope["entity"]] if "entity" in scope else scope["entities"]
            return not {own, *action.parents}.isdisjoint(map(_named, entities))
        case _:
            return False


def _named(entity: Mapping[str, str]) -> tuple[str, str]:
    return entity["type"], entity["id"]
