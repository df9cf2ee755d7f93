"""The tests that stand beside a policy: what its rules must say of an action that is made up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from runfold.events.definitions import PolicyTest, ToolContract
from runfold.processors.run.policy.cedar.engine import ParsedSet, Says
from runfold.processors.run.policy.cedar.names import (
    MODEL_USE,
    PEOPLES,
    RELEASE_PROMOTE,
    RUN_CONTROL,
    RUN_START,
    TOOL_APPROVE,
)
from runfold.processors.run.policy.cedar.request import (
    Asked,
    Attributes,
    Entity,
    action_of,
    tool_entity,
)
from runfold.processors.run.policy.cedar.values import rounded_up

_REFERENCE = re.compile(r'^([A-Za-z_][A-Za-z0-9_]*)::(?:"([^"\\]*)"|([^":\\]+))$')
_USER, _TENANT, _AGENT = "somebody", "some-tenant", "some-agent"
_TOOL: Attributes = (("idempotent", False), ("level", 0), ("owner", ""), ("version", "1.0.0"))


def failure_of(test: PolicyTest, rules: ParsedSet, tools: Mapping[str, ToolContract]) -> str | None:
    """Return why a test does not pass, None where it does."""
    try:
        said = rules.answer(asked_by(test, tools))
    except ValueError as fault:
        return f"test {test.name}: {fault}"
    ids = [each.id for each in said.rules]
    which = ", ".join(ids)
    if said.says.value == test.expect:
        if not test.by or sorted(ids) == sorted(test.by):
            return None
        wanted = ", ".join(test.by)
        return f"test {test.name}: expected to be decided by {wanted}, not by {which or 'no rule'}"
    by = f" by {which}" if which else ""
    if said.says is Says.ERROR:
        return f"test {test.name}: expected {test.expect}, but it cannot be evaluated{by}"
    return f"test {test.name}: expected {test.expect}, and it is {said.says.value}{by}"


def asked_by(test: PolicyTest, tools: Mapping[str, ToolContract]) -> Asked:
    """Return the question of a test; raises ValueError for a reference that is none."""
    action = action_of(reference(test.action, "Action")[1])
    if action.id in PEOPLES:
        return _of_a_person(test, action)
    kind, name = reference(test.principal, "Agent")
    user, tenant = ("User", _USER), ("Tenant", _TENANT)
    agent: Attributes = (("version", "1.0.0"), ("tenant", _uid(*tenant)), ("user", _uid(*user)))
    known, within = (agent, (user, tenant)) if kind == "Agent" else ((), (tenant,))
    roles = (("Role", each) for each in test.principal_roles)
    principal = Entity(kind, name, _with(known, test.principal_attributes), (*within, *roles))
    resource = _resource(test, tools)
    others = () if (kind, name) == user else (Entity(*user, (), (tenant,)),)
    return Asked(principal, action, resource, _context(test, action.id), others)


def _of_a_person(test: PolicyTest, action: Entity) -> Asked:
    """Return the question of a test on what people do; its context says the person's roles."""
    kind, name = reference(test.principal, "User")
    about, which = reference(test.resource, "Definition")
    of, _, called = which.partition("/")
    harmless = {"roles": [], "time": 1_767_225_600, "hour": 12, "weekday": 3}
    if action.id == RELEASE_PROMOTE:
        harmless["change"] = "release"
    context = {**harmless, **{key: _value(value) for key, value in test.context.items()}}
    roles = tuple(("Role", str(each)) for each in context["roles"])
    given: Attributes = (("kind", of), ("name", called))
    principal = Entity(kind, name, _with((), test.principal_attributes), roles)
    resource = Entity(about, which, _with(given, test.resource_attributes))
    return Asked(principal, action, resource, context)


def reference(text: str, kind: str) -> tuple[str, str]:
    """Return type and id of a reference such as ``Tool::"send"``; a bare id is of ``kind``."""
    found = _REFERENCE.match(text)
    if found is not None:
        return found.group(1), found.group(2) or found.group(3) or ""
    if "::" in text or '"' in text or not text:
        raise ValueError(f'{text} is no reference: write {kind}::"name"')
    return kind, text


def _resource(test: PolicyTest, tools: Mapping[str, ToolContract]) -> Entity:
    kind, name = reference(test.resource, "Tool")
    known: Attributes = ()
    if kind == "Tool":
        known = tool_entity(tools[name]).attributes if name in tools else _TOOL
    elif kind == "Model":
        known = (("provider", name.partition(":")[0]),)
    elif kind == "Run":
        known = (("agent", _uid("Agent", _AGENT)), ("user", _uid("User", _USER)))
    return Entity(kind, name, _with(known, test.resource_attributes))


def _context(test: PolicyTest, action: str) -> dict[str, Any]:
    harmless: dict[str, Any] = {
        "user": _uid("User", _USER),
        "roles": [],
        "scopes": [],
        "taint": [],
        "classification": "internal",
        "cost": 0,
        "step": 1,
        "model_calls": 1,
        "tool_calls": 0,
        "time": 1_767_225_600,
        "hour": 12,
        "weekday": 3,
    }
    if action not in {RUN_START, MODEL_USE, RUN_CONTROL}:
        harmless["arguments"] = {}
    found = {**harmless, **_of_persons(action, test), **test.context}
    cost = Decimal(str(found["cost"]))
    return {**{name: _value(value) for name, value in found.items()}, "cost": rounded_up(cost)}


def _of_persons(action: str, test: PolicyTest) -> dict[str, Any]:
    """Return what the context says besides where a person acts."""
    who = {"requester": _uid("User", _USER), "agent": _uid("Agent", _AGENT)}
    if action == RUN_CONTROL:
        return {**who, "control": "cancel"}
    if action != TOOL_APPROVE:
        return {}
    level = test.resource_attributes.get("level", 0)
    return {**who, "level": level, "scope": "once", "approvals": 0, "edited": False}


def _with(known: Attributes, given: Mapping[str, Any]) -> Attributes:
    return tuple({**dict(known), **{name: _value(each) for name, each in given.items()}}.items())


def _value(value: Any) -> Any:
    """Return a value of a test in Cedar's JSON: a number with a point is a decimal."""
    if isinstance(value, float):
        return rounded_up(Decimal(repr(value)))
    if isinstance(value, Mapping):
        return {name: _value(each) for name, each in value.items()}
    return [_value(each) for each in value] if isinstance(value, list) else value


def _uid(kind: str, name: str) -> dict[str, Any]:
    return {"__entity": {"type": kind, "id": name}}
