"""What people do to definitions, as a question to policies: publish, and decide about versions.

Only rules whose head names the action are heard: what is said of agents in general, such as
``permit(principal, action, resource)``, lets nobody publish, and keeps nobody from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from runfold.events.definitions import PoliciesInForce, PolicyDefinition
from runfold.processors.run.policy.cedar.engine import ParsedSet, Says, gathered
from runfold.processors.run.policy.cedar.names import DEFINITION_PUBLISH, RELEASE_PROMOTE
from runfold.processors.run.policy.cedar.request import Asked, Attributes, Entity, action_of

CHANGES = (
    "release",
    "retire",
    "restore",
    "withdraw",
    "alias",
    "stop",
    "start",
    "delegate",
    "revoke",
)
"""What ``release.promote`` can be, as ``context.change`` says it."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts: the name and the roles that the client says, and the tenant acted for, if one."""

    name: str
    roles: tuple[str, ...] = ()
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What is acted on; ``level`` and ``owner`` are a tool's, None where they are not known."""

    kind: str
    name: str
    version: str | None = None
    level: int | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What rules say of a person's action, and the rules by their ids."""

    permitted: bool
    ids: tuple[str, ...]
    why: str


def asked_to_publish(who: Person, what: Target, at: datetime) -> Asked:
    """Return the question whether a person may publish a definition."""
    return _asked(DEFINITION_PUBLISH, who, what, _context(who, at))


def asked_to_promote(who: Person, what: Target, change: str, at: datetime) -> Asked:
    """Return the question whether a person may decide about a version, or throw a switch."""
    return _asked(RELEASE_PROMOTE, who, what, {**_context(who, at), "change": change})


def said_of(policies: PoliciesInForce, asked: Asked) -> Said | None:
    """Return what policies say of a person's action, None where no rule names it.

    Where a permit names the action, one is needed; else it is permitted unless it is forbidden. A
    rule that cannot be evaluated denies.
    """
    rules = rules_naming(policies, asked.action.id)
    if rules is None:
        return None
    answer = rules.answer(asked)
    ids = tuple(dict.fromkeys(each.id for each in answer.rules))
    named = ", ".join(ids)
    match answer.says:
        case Says.PERMIT:
            return Said(True, ids, f"permitted by {named}")
        case Says.FORBID:
            why = " ".join(w for each in answer.rules if (w := each.annotations.get("reason")))
            return Said(False, ids, f"forbidden by {named}" + (f": {why}" if why else ""))
        case Says.ERROR:
            return Said(False, ids, f"a rule could not be evaluated ({named or 'all'})")
        case Says.NOTHING:
            if any(not each.forbids for each in rules.rules.values()):
                return Said(False, (), "no rule permits it")
            return Said(True, (), "no rule forbids it")


@lru_cache(maxsize=256)
def rules_naming(policies: PoliciesInForce, action: str) -> ParsedSet | None:
    """Return the rules whose head names an action; None for none.

    A policy that cannot be parsed has no rule here: it denies every agent, and people must be able
    to withdraw it.
    """
    named = [
        (each.tenant, made)
        for each in policies.policies
        if isinstance(made := each.definition, PolicyDefinition)
    ]
    found = gathered(policies.digest, named, action)
    return found if found.rules else None


def _asked(action: str, who: Person, what: Target, context: Mapping[str, Any]) -> Asked:
    belongs = [("Role", each) for each in who.roles]
    if who.tenant is not None:
        belongs.append(("Tenant", who.tenant))
    principal = Entity("User", who.name, (), tuple(belongs))
    return Asked(principal, action_of(action), definition_entity(what, who.tenant), context)


def definition_entity(what: Target, tenant: str | None) -> Entity:
    """Return a definition as policies see it."""
    said = {
        "kind": what.kind,
        "name": what.name,
        "tenant": tenant,
        "version": what.version,
        "level": what.level,
        "owner": what.owner,
    }
    known: Attributes = tuple((name, value) for name, value in said.items() if value is not None)
    return Entity("Definition", f"{what.kind}/{what.name}", known)


def _context(who: Person, at: datetime) -> dict[str, Any]:
    now = at.astimezone(UTC)
    return {
        "roles": list(who.roles),
        "time": int(now.timestamp()),
        "hour": now.hour,
        "weekday": now.isoweekday(),
    }
