"""Heads of rules: what they name, and rules that are nothing else, which need no evaluation."""

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


def position_of(number: str) -> int:
    """Return the place in a text of the policy that Cedar named ``policyN``."""
    return int(number.removeprefix("policy"))


def actions_of(body: Mapping[str, Any]) -> frozenset[str] | None:
    """Return the actions, and groups of them, that a rule's head names; None for all."""
    scope = body["action"]
    named = [scope["entity"]] if "entity" in scope else scope.get("entities")
    return None if named is None else frozenset(each["id"] for each in named)


def type_of_resource(body: Mapping[str, Any]) -> str | None:
    """Return the type of the resource that a rule's head names, None for any."""
    scope = body["resource"]
    named = scope["entity"]["type"] if "entity" in scope else scope.get("entity_type")
    return str(named) if named is not None else None


def name_of_resource(body: Mapping[str, Any]) -> str | None:
    """Return the id of the one resource that a rule's head names by ``==``, None for any other."""
    scope = body["resource"]
    return str(scope["entity"]["id"]) if scope["op"] == "==" and "entity" in scope else None


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
