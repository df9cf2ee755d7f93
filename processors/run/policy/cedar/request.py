"""What is asked of policies: who would do what to what, in which circumstances."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from runfold.events.definitions import AgentDefinition, ToolContract
from runfold.events.values import RunRequest
from runfold.processors.run.policy.cedar.names import (
    DOCUMENT_READ,
    MODEL_USE,
    RESERVED,
    RUN_START,
    TOOL_CALL,
)
from runfold.processors.run.policy.cedar.values import UnjudgeableError, rounded_up
from runfold.processors.run.state import Used

Attributes = tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Entity:
    """Who or what a request is about: a type and an id, with attributes and what it belongs to."""

    type: str
    id: str
    attributes: Attributes = ()
    parents: tuple[tuple[str, str], ...] = ()

    def uid(self) -> dict[str, str]:
        """Return what names it."""
        return {"type": self.type, "id": self.id}

    def json(self) -> dict[str, Any]:
        """Return it as an entity in Cedar's JSON."""
        parents = [{"type": kind, "id": name} for kind, name in self.parents]
        return {"uid": self.uid(), "attrs": dict(self.attributes), "parents": parents}


@dataclass(frozen=True, slots=True)
class Asked:
    """One question to policies; ``context`` is in Cedar's JSON, ``others`` are known besides."""

    principal: Entity
    action: Entity
    resource: Entity
    context: Mapping[str, Any]
    others: tuple[Entity, ...] = ()

    def entities(self) -> tuple[Entity, ...]:
        """Return everything that the question speaks of."""
        return (self.principal, self.action, self.resource, *self.others)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a decision knows of its run: who asked, what it used so far, and when it is."""

    request: RunRequest
    used: Used
    now: datetime
    taint: tuple[str, ...] = ()
    """The tools through which the run has read what strangers wrote."""

    def context(self, arguments: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the context; ``arguments`` are those that the contract shows to policies."""
        asked, used, now = self.request, self.used, self.now.astimezone(UTC)
        found: dict[str, Any] = {
            "user": reference_to("User", asked.user_id),
            "roles": list(asked.roles),
            "scopes": list(asked.scopes),
            "taint": list(self.taint),
            "classification": asked.data_classification.value,
            "cost": rounded_up(Decimal(used.cost)),
            "step": used.step,
            "model_calls": used.model_calls,
            "tool_calls": used.tool_calls,
            "time": int(now.timestamp()),
            "hour": now.hour,
            "weekday": now.isoweekday(),
        }
        return found if arguments is None else {**found, "arguments": dict(arguments)}


def to_call(
    agent: AgentDefinition,
    contract: ToolContract,
    circumstances: Circumstances,
    arguments: Mapping[str, Any],
) -> Asked:
    """Return the question whether a tool may be called at all."""
    principal, others = whoever(agent, circumstances.request)
    action, context = action_of(TOOL_CALL), circumstances.context(arguments)
    return Asked(principal, action, tool_entity(contract), context, others)


def to_do(
    agent: AgentDefinition,
    contract: ToolContract,
    circumstances: Circumstances,
    arguments: Mapping[str, Any],
    given: Mapping[str, Any],
) -> Asked | None:
    """Return the question by the action that the contract names, None where it names none.

    Raises UnjudgeableError where the call does not say what it is about.
    """
    if contract.policy is None:
        return None
    said = contract.policy.resource
    name = given.get(said.argument)
    if not isinstance(name, str):
        raise UnjudgeableError(said.argument, f"it does not name the {said.type} it is about")
    principal, others = whoever(agent, circumstances.request)
    resource = Entity(said.type, name)
    action = action_of(contract.policy.action)
    return Asked(principal, action, resource, circumstances.context(arguments), others)


def to_start(agent: AgentDefinition, circumstances: Circumstances) -> Asked:
    """Return the question whether a run may begin."""
    principal, others = whoever(agent, circumstances.request)
    resource = Entity("Tenant", circumstances.request.tenant_id)
    return Asked(principal, action_of(RUN_START), resource, circumstances.context(), others)


def to_use(agent: AgentDefinition, model: str, circumstances: Circumstances) -> Asked:
    """Return the question whether a model, ``provider:model``, may be called."""
    principal, others = whoever(agent, circumstances.request)
    resource = Entity("Model", model, (("provider", model.partition(":")[0]),))
    return Asked(principal, action_of(MODEL_USE), resource, circumstances.context(), others)


def to_read(agent: AgentDefinition, name: str, circumstances: Circumstances) -> Asked:
    """Return the question whether what is attached to a request may be read."""
    principal, others = whoever(agent, circumstances.request)
    context = circumstances.context({})
    return Asked(principal, action_of(DOCUMENT_READ), Entity("Document", name), context, others)


def whoever(agent: AgentDefinition, request: RunRequest) -> tuple[Entity, tuple[Entity, ...]]:
    """Return the agent, which acts for a user and a tenant, and the user with its roles."""
    role = agent.labels.get("role")
    user = ("User", request.user_id)
    tenant = ("Tenant", request.tenant_id)
    attributes: Attributes = (
        ("version", agent.version),
        ("tenant", reference_to(*tenant)),
        ("user", reference_to(*user)),
        *((("role", role),) if role else ()),
    )
    of_agent = (user, tenant, *((("Role", role),) if role else ()))
    of_user = (tenant, *(("Role", each) for each in request.roles))
    principal = Entity("Agent", agent.name, attributes, of_agent)
    return principal, (Entity(*user, (), of_user),)


def tool_entity(contract: ToolContract) -> Entity:
    """Return a tool as policies see it."""
    said = {
        "version": contract.version,
        "level": contract.risk_level,
        "owner": contract.owner,
        "idempotent": contract.idempotent,
        "reversible": contract.reversible,
        "environment": contract.environment,
        "data_class": contract.data_class,
    }
    known = tuple((name, value) for name, value in said.items() if value is not None)
    return Entity("Tool", contract.name, known)


@lru_cache(maxsize=1024)
def action_of(name: str) -> Entity:
    """Return an action; those that contracts name belong to ``tool.call``."""
    own = name not in RESERVED
    return Entity("Action", name, (), (("Action", TOOL_CALL),) if own else ())


def entities_json(asked: Asked) -> str:
    """Return the entities of a question in Cedar's JSON, each once."""
    found = {(each.type, each.id): each for each in asked.entities()}
    return json.dumps([each.json() for each in found.values()])


def reference_to(kind: str, name: str) -> dict[str, Any]:
    """Return what names an entity, as a value of a context or an attribute."""
    return {"__entity": {"type": kind, "id": name}}
