"""A policy: rules in Cedar on what agents may do, and its author's tests of them."""

from __future__ import annotations

import hashlib
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from runfold.events.contents.content import canonical_json
from runfold.events.definitions.base import Definition
from runfold.events.definitions.store.log import Published

POLICY = "policy"
"""The kind of policies on the wire."""


class PolicyTest(BaseModel):
    """What a policy must say of one action; ``expect`` None of its rules where it is ``nothing``.

    ``principal`` and ``resource`` are references such as ``Agent::"clerk"``. What is not given of
    their attributes and of the context has the values of a small, harmless call.
    ``principal_roles`` are those of a person who approves or controls; ``by`` names the rules that
    must be those that decided, where it names any.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    principal: str
    action: str
    resource: str
    expect: Literal["permit", "forbid", "nothing"]
    principal_attributes: dict[str, Any] = Field(default_factory=dict)
    resource_attributes: dict[str, Any] = Field(default_factory=dict)
    context: dict[str, Any] = Field(default_factory=dict)
    # Left out where not given: the digests of policies without them must stay what they are.
    principal_roles: tuple[str, ...] = Field(default=(), exclude_if=lambda named: not named)
    by: tuple[str, ...] = Field(default=(), exclude_if=lambda named: not named)


class PolicyServer(BaseModel):
    """That tool calls from a risk level on are also decided by the deployment's policy server.

    ``path`` leads to the rule, below ``/v1/data/``. Where the server gives no answer that can be
    used within ``timeout_ms``, a call is held until it does, or denied.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){0,15}$")
    timeout_ms: int = Field(default=2_000, ge=50, le=30_000)
    when_unavailable: Literal["hold", "deny"] = "hold"
    from_level: int = Field(default=0, ge=0, le=4)


class PolicyDefinition(Definition):
    """Rules in Cedar's own language, in its canonical form; every rule has an ``@id``.

    ``server`` can only add to them: it denies, or has a person asked, and permits nothing alone.
    """

    description: str = ""
    cedar: str
    tests: tuple[PolicyTest, ...] = ()
    # Left out where not given: the digests of policies without it must stay what they are.
    server: PolicyServer | None = Field(default=None, exclude_if=lambda said: said is None)


class PoliciesInForce:
    """The policies that hold for a tenant: the shared ones and its own together, by name.

    ``digest`` is the sha256 of what they are; two sets of one digest are equal.
    """

    __slots__ = ("digest", "policies")

    def __init__(self, policies: tuple[Published, ...]) -> None:
        self.policies = policies
        self.digest = _digest(policies)

    def __eq__(self, other: object) -> bool:
        """Whether both hold the same policies."""
        return isinstance(other, PoliciesInForce) and self.digest == other.digest

    def __hash__(self) -> int:
        """Return a hash of the digest."""
        return hash(self.digest)


class PolicyKey(NamedTuple):
    """What tells one set of policies from another within a memory of definitions."""

    tenant: str | None
    own: int
    shared: int


def _digest(policies: tuple[Published, ...]) -> bytes:
    named = [
        [each.tenant or "", each.definition.name, each.definition.version, each.pin.digest.hex()]
        for each in policies
    ]
    return hashlib.sha256(canonical_json(named).encode()).digest()
