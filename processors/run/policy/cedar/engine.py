"""A set of policies, parsed once, and what it says of a question.

Cedar skips a rule whose condition cannot be evaluated, which would let a forbid pass by: whatever
is in error denies.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from runfold.events.definitions import PoliciesInForce, PolicyDefinition
from runfold.processors.run.policy.cedar.bounds import need_bounded
from runfold.processors.run.policy.cedar.heads import (
    actions_of,
    has_only_a_head,
    name_of_resource,
    position_of,
    type_of_resource,
)
from runfold.processors.run.policy.cedar.request import Asked, Entity, action_of, entities_json

_MOST_PARTS = 1024
"""How many parts of a set are kept; those that are asked for after them are judged by all rules."""


class Says(StrEnum):
    """What a set of policies says; ``nothing`` where no rule speaks of what was asked."""

    PERMIT = "permit"
    FORBID = "forbid"
    NOTHING = "nothing"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Rule:
    """One permit or forbid of a policy; ``policy`` is its ``name@version``."""

    id: str
    policy: str
    tenant: str | None
    forbids: bool
    annotations: Mapping[str, str]
    actions: frozenset[str] | None
    """The actions, and groups of actions, that its head names; None where it means all."""
    about: str | None
    """The type of the resource that its head names, None where it names none."""
    only: str | None = None
    """The id of the one resource of that type that its head names, None where it names none."""

    def may_match(self, actions: frozenset[str], resource: str, name: str) -> bool:
        """Whether its head lets it match a resource that belongs to no other.

        ``actions`` are the action and the groups that it belongs to.
        """
        return (
            (self.actions is None or not self.actions.isdisjoint(actions))
            and self.about in {None, resource}
            and self.only in {None, name}
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What a set says of one question, and the rules that it says so by."""

    says: Says
    rules: tuple[Rule, ...] = ()


class _Part(NamedTuple):
    """The rules that may match an action on a resource: Cedar's handle of them.

    ``fixed`` is their answer where none of them has more than a head, which matches: then it is the
    same for everybody, in all circumstances.
    """

    handle: Any
    fixed: Answer | None = None


@dataclass(frozen=True, slots=True)
class ParsedSet:
    """Rules by an internal key, and Cedar's own handle of them; None where it cannot be parsed."""

    digest: bytes
    rules: Mapping[str, Rule] = field(default_factory=dict)
    handle: Any = None
    bodies: Mapping[str, Any] = field(default_factory=dict)
    named: frozenset[str] = frozenset()
    """The resources that heads of rules name, by their ids."""
    parts: dict[tuple[str, str, str], _Part] = field(default_factory=dict)
    """The rules that may match, by action and resource: gathered when first asked for."""

    def speaks_of(self, action: str, resource: str) -> bool:
        """Whether any rule may match an action on a type of resource that belongs to no other.

        It may always where the set cannot be parsed.
        """
        if self.handle is None:
            return True
        actions = frozenset({action, *(name for _, name in action_of(action).parents)})
        return any(
            (each.actions is None or not each.actions.isdisjoint(actions))
            and each.about in {None, resource}
            for each in self.rules.values()
        )

    def lists_who_may(self, action: str, kind: str, name: str) -> bool:
        """Whether a permit names an action for this resource: whoever matches none may not.

        A permit of everything lists nobody; where the set cannot be parsed it may.
        """
        return self.handle is None or any(
            not each.forbids
            and action in (each.actions or ())
            and each.about in {None, kind}
            and each.only in {None, name}
            for each in self.rules.values()
        )

    def permits_of(self, action: str, kind: str) -> tuple[Rule, ...]:
        """Return the permits whose heads let them match an action on some resource of a type."""
        actions = frozenset({action, *(name for _, name in action_of(action).parents)})
        return tuple(
            each
            for each in self.rules.values()
            if not each.forbids and each.may_match(actions, kind, each.only or "")
        )

    def restricts(self, action: str, kind: str, name: str) -> bool:
        """Whether a rule may keep somebody from an action on a resource: a list, or a forbid."""
        actions = frozenset({action})
        return self.lists_who_may(action, kind, name) or any(
            each.forbids and each.may_match(actions, kind, name) for each in self.rules.values()
        )

    def answer(self, asked: Asked) -> Answer:
        """Return what the rules say of a question; it never raises."""
        if self.handle is None:
            return Answer(Says.ERROR)
        part = self._of(asked)
        if part.fixed is not None and not asked.context.get("arguments"):
            return part.fixed
        try:
            said = _evaluated(part.handle, asked)
        except Exception:  # noqa: BLE001 - what cannot be asked is denied
            return Answer(Says.ERROR)
        return self._read(said)

    def _read(self, said: Any) -> Answer:
        errors = said.diagnostics.errors
        if errors:
            named = (key for key in self.rules if any(f"`{key}`" in each for each in errors))
            return Answer(Says.ERROR, self._named(named))
        determining = self._named(said.diagnostics.reasons)
        match said.decision.value:
            case "Allow":
                return Answer(Says.PERMIT, determining)
            case "Deny":
                return Answer(Says.FORBID if determining else Says.NOTHING, determining)
            case _:
                return Answer(Says.ERROR)

    def _of(self, asked: Asked) -> _Part:
        """Return the rules whose heads may match; the others could say nothing.

        Resources have no parents, so that a head which names another one never matches.
        """
        resource = asked.resource
        if resource.parents:
            return _Part(self.handle)
        key = asked.action.id, resource.type, resource.id if resource.id in self.named else ""
        if (found := self.parts.get(key)) is None:
            found = self.parts[key] = self._gathered(asked.action, *key[1:])
        return found

    def _gathered(self, action: Entity, kind: str, name: str) -> _Part:
        actions = frozenset({action.id, *(parent for _, parent in action.parents)})
        rules = self.rules.items()
        those = [key for key, each in rules if each.may_match(actions, kind, name)]
        if len(self.parts) >= _MOST_PARTS:
            return _Part(self.handle)
        bodies = {key: self.bodies[key] for key in those}
        handle = self.handle if len(those) == len(self.rules) else _handle(bodies)
        if not all(has_only_a_head(each, action) for each in bodies.values()):
            return _Part(handle)
        determining = [key for key in those if self.rules[key].forbids] or those
        if not determining:
            return _Part(handle, Answer(Says.NOTHING))
        found = self._named(determining)
        return _Part(handle, Answer(Says.FORBID if found[0].forbids else Says.PERMIT, found))

    def _named(self, keys: Iterable[str]) -> tuple[Rule, ...]:
        return tuple(self.rules[key] for key in sorted(set(keys)))


@lru_cache(maxsize=256)
def parsed_set(policies: PoliciesInForce) -> ParsedSet:
    """Return a set, parsed; what cannot be parsed is a set that denies everything."""
    named = [
        (each.tenant, made)
        for each in policies.policies
        if isinstance(made := each.definition, PolicyDefinition)
    ]
    try:
        return _set_of(policies.digest, _read(named))
    except (ValueError, RecursionError):
        return ParsedSet(policies.digest)


def of_one(policy: PolicyDefinition) -> ParsedSet:
    """Return one policy on its own; raises ValueError where it cannot be parsed."""
    return _set_of(policy.digest(), _read([(None, policy)]))


def gathered(
    digest: bytes, named: Iterable[tuple[str | None, PolicyDefinition]], action: str
) -> ParsedSet:
    """Return the rules of policies that name an action; those that cannot be parsed have none."""
    found: _Bodies = {}
    for each in named:
        try:
            found |= _read([each])
        except (ValueError, RecursionError):
            continue
    about = {k: pair for k, pair in found.items() if action in (pair[0].actions or ())}
    return _set_of(digest, about)


_Bodies = dict[str, tuple[Rule, Any]]
"""Rules with what Cedar has of them in its JSON, by their keys."""


def _read(named: Iterable[tuple[str | None, PolicyDefinition]]) -> _Bodies:
    import cedarpy  # noqa: PLC0415 - sixteen megabytes that only deployments with policies need

    rules: _Bodies = {}
    for tenant, policy in named:
        which = f"{policy.name}@{policy.version}"
        need_bounded(policy.cedar)
        found = json.loads(cedarpy.policies_to_json_str(policy.cedar))["staticPolicies"]
        for number in sorted(found, key=position_of):
            body = found[number]
            annotations = body.get("annotations") or {}
            said = annotations.get("id") or f"{policy.name}/{position_of(number)}"
            key = f"{tenant or ''}/{which}/{said}/{position_of(number)}"
            rule = Rule(
                id=said,
                policy=which,
                tenant=tenant,
                forbids=body["effect"] == "forbid",
                annotations=annotations,
                actions=actions_of(body),
                about=type_of_resource(body),
                only=name_of_resource(body),
            )
            rules[key] = rule, body
    return rules


def _set_of(digest: bytes, found: _Bodies) -> ParsedSet:
    bodies = {key: body for key, (_, body) in found.items()}
    rules = {key: rule for key, (rule, _) in found.items()}
    named = frozenset(each.only for each in rules.values() if each.only is not None)
    return ParsedSet(digest, rules, _handle(bodies), bodies, named)


def _handle(bodies: Mapping[str, Any]) -> Any:
    import cedarpy  # noqa: PLC0415 - as above

    whole = {"staticPolicies": bodies, "templates": {}, "templateLinks": []}
    return cedarpy.PolicySet.from_json_str(json.dumps(whole))


@lru_cache(maxsize=1024)
def _entities(text: str) -> Any:
    """Return entities, parsed: the same agent calls the same tool many times."""
    import cedarpy  # noqa: PLC0415 - as above

    return cedarpy.Entities.from_json_str(text)


def _evaluated(handle: Any, asked: Asked) -> Any:
    import cedarpy  # noqa: PLC0415 - as above

    question = {
        "principal": asked.principal.uid(),
        "action": asked.action.uid(),
        "resource": asked.resource.uid(),
        "context": json.dumps(asked.context),
    }
    return cedarpy.is_authorized(question, handle, _entities(entities_json(asked)))
