"""The schema that policies are checked against: what every run has, what contracts add."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from runfold.events.definitions import ToolContract
from runfold.processors.run.policy.cedar.names import (
    DEFINITION_PUBLISH,
    MODEL_USE,
    NAMEABLE,
    RELEASE_PROMOTE,
    RUN_CONTROL,
    RUN_START,
    TOOL_APPROVE,
    TOOL_CALL,
)
from runfold.processors.run.policy.cedar.values import (
    BOOL,
    DECIMAL,
    LONG,
    STRING,
    STRINGS,
    type_of,
)

_AGENT = {"version": STRING, "tenant": "Tenant", "user": "User", "role?": STRING}
_TOOL = {
    "version": STRING,
    "level": LONG,
    "owner": STRING,
    "idempotent": BOOL,
    "reversible?": BOOL,
    "environment?": STRING,
    "data_class?": STRING,
}
_CONTEXT = {
    "user": "User",
    "roles": STRINGS,
    "scopes": STRINGS,
    "taint": STRINGS,
    "classification": STRING,
    "cost": DECIMAL,
    "step": LONG,
    "model_calls": LONG,
    "tool_calls": LONG,
    "time": LONG,
    "hour": LONG,
    "weekday": LONG,
}
"""What every request says besides; ``cost`` is in US dollars, ``time`` in seconds since 1970, UTC.

``hour`` is 0 to 23 and ``weekday`` 1 (Monday) to 7, both in UTC.
"""

_PERSONS = {"requester": "User", "agent": "Agent"}
_APPROVING = {"level": LONG, "scope": STRING, "approvals": LONG, "edited": BOOL}
"""What is said besides where a person acts, and where a person approves a call."""


_DEFINITION = {
    "kind": STRING,
    "name": STRING,
    "tenant?": STRING,
    "version?": STRING,
    "level?": LONG,
    "owner?": STRING,
}
_PUBLISHING = {"roles": STRINGS, "time": LONG, "hour": LONG, "weekday": LONG}
_PROMOTING = {**_PUBLISHING, "change": STRING}


def schema_of(contracts: Iterable[ToolContract], *, people: bool = True) -> dict[str, Any]:
    """Return the schema, in Cedar's JSON form, for policies on these tools.

    Without ``people`` it holds what agents do alone, of which rules speak that name no action.
    """
    known = list(contracts)
    shown = {f"{name}?": kind for name, kind in argument_types(known).items() if kind is not None}
    of_tools = {**_CONTEXT, "arguments": shown}
    resources = {action: {kind} for action, kind in NAMEABLE.items()}
    for contract in known:
        if contract.policy is not None:
            resources.setdefault(contract.policy.action, set()).add(contract.policy.resource.type)
    types = {each for named in resources.values() for each in named}
    own = {
        action: _action(sorted(named), of_tools, group=TOOL_CALL)
        for action, named in sorted(resources.items())
    }
    return {
        "": {
            "entityTypes": {
                "Role": {},
                "Tenant": {},
                "User": {"memberOfTypes": ["Role", "Tenant"]},
                "Agent": {"memberOfTypes": ["Role", "Tenant", "User"], "shape": _record(_AGENT)},
                "Tool": {"shape": _record(_TOOL)},
                "Model": {"shape": _record({"provider": STRING})},
                "Run": {
                    "memberOfTypes": ["Agent", "Tenant"],
                    "shape": _record({"agent": "Agent", "user": "User"}),
                },
                **({"Definition": {"shape": _record(_DEFINITION)}} if people else {}),
                **{each: {} for each in sorted(types)},
            },
            "actions": {
                TOOL_CALL: _action(["Tool"], of_tools),
                RUN_START: _action(["Tenant"], _CONTEXT),
                MODEL_USE: _action(["Model"], _CONTEXT),
                TOOL_APPROVE: _action(["Tool"], {**of_tools, **_PERSONS, **_APPROVING}, by="User"),
                RUN_CONTROL: _action(
                    ["Run"], {**_CONTEXT, **_PERSONS, "control": STRING}, by="User"
                ),
                **(_of_people() if people else {}),
                **own,
            },
        }
    }


def _of_people() -> dict[str, Any]:
    return {
        DEFINITION_PUBLISH: _action(["Definition"], _PUBLISHING, by="User"),
        RELEASE_PROMOTE: _action(["Definition"], _PROMOTING, by="User"),
    }


def argument_types(contracts: Iterable[ToolContract]) -> dict[str, str | None]:
    """Return the type of every argument that policies may look at; None where contracts differ."""
    found: dict[str, str | None] = {}
    for contract in contracts:
        for name in contract.policy_arguments:
            kind = type_of(contract.input_schema, name)
            found[name] = kind if found.setdefault(name, kind) == kind else None
    return found


def _action(
    resources: list[str],
    context: dict[str, Any],
    group: str | None = None,
    by: str = "Agent",
) -> Any:
    applies = {
        "principalTypes": [by],
        "resourceTypes": resources,
        "context": _record(context),
    }
    return {"appliesTo": applies, **({"memberOf": [{"id": group}]} if group else {})}


def _record(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "Record",
        "attributes": {
            name.removesuffix("?"): {**_type(kind), "required": not name.endswith("?")}
            for name, kind in fields.items()
        },
    }


def _type(kind: Any) -> dict[str, Any]:
    if isinstance(kind, dict):
        return _record(kind)
    match kind:
        case "decimal":
            return {"type": "Extension", "name": "decimal"}
        case "Set<String>":
            return {"type": "Set", "element": {"type": "String"}}
        case "Bool":
            return {"type": "Boolean"}
        case "Agent" | "Tenant" | "User":
            return {"type": "Entity", "name": kind}
        case _:
            return {"type": kind}
