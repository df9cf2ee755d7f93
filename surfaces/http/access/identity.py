"""Who asks, as a credential says, and never what a request says in its body."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request

from runfold.events.lengths import NAME
from runfold.events.people.origin import Origin
from runfold.events.values import DataClassification
from runfold.infra.gateway.api_key import ANY_SCOPE
from runfold.infra.gateway.principal import Principal
from runfold.infra.tracing.context import parsed
from runfold.producers.identity import uuid7
from runfold.surfaces.application import shapes
from runfold.surfaces.http.access.challenges import challenge
from runfold.surfaces.http.refusals.problems import Problem

READ = "runs:read"
WRITE = "runs:write"
DECIDE = "runs:decide"
AUDIT = "audit:read"
COSTS = "costs:read"
DEFINITIONS_READ = "definitions:read"
DEFINITIONS_WRITE = "definitions:write"
WEBHOOKS_READ = "webhooks:read"
WEBHOOKS_WRITE = "webhooks:write"
OPERATOR = "operator"

GRANTS: dict[str, str] = {
    READ: "see runs, their events and calls",
    WRITE: "ask for runs, write to them, pause, resume and cancel them",
    DECIDE: "approve, deny, answer, take over and hand back",
    COSTS: "see what was spent",
    AUDIT: "see who decided what",
    DEFINITIONS_READ: "see what is published",
    DEFINITIONS_WRITE: "publish and retire definitions",
    WEBHOOKS_READ: "see webhooks, notifications and what became of them",
    WEBHOOKS_WRITE: "subscribe, switch webhooks on and off, replay, change secrets",
    OPERATOR: "see what belongs to no tenant: dead letters",
}
"""The scopes of the gateway itself, and what each lets a key do. Others are passed on to runs."""

LOOPBACK = "loopback"
"""A scope that takes away: its key lets in from this machine alone."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who made a request, and which it is: what every request carries.

    ``until`` is when the token expires that it came with, None for a key.
    """

    tenant_id: str
    user_id: str
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    data_classification: DataClassification
    key_id: str
    request_id: str
    trace_id: str
    until: datetime | None = None

    def may(self, scope: str) -> bool:
        """Return whether the key grants a scope of the gateway; an operator's is named only."""
        return scope in self.scopes or (ANY_SCOPE in self.scopes and scope != OPERATOR)

    @property
    def run_scopes(self) -> tuple[str, ...]:
        """Those that its runs may have: all but the gateway's own."""
        own = {*GRANTS, ANY_SCOPE, LOOPBACK}
        return tuple(each for each in self.scopes if each not in own)

    @property
    def origin(self) -> Origin:
        """Which request it is, as it goes on record."""
        return Origin(
            request_id=self.request_id, trace_id=self.trace_id, credential=self.key_id[:NAME]
        )

    def shape(self) -> shapes.Identity:
        """Return it as it is shown."""
        return shapes.Identity(
            user_id=self.user_id,
            tenant_id=self.tenant_id,
            role=self.roles[0] if self.roles else None,
            roles=self.roles,
            scopes=self.scopes,
            data_classification=self.data_classification.value,
            request_id=self.request_id,
            trace_id=self.trace_id,
        )


@dataclass(frozen=True, slots=True)
class Marks:
    """Which request it is: its id, and its W3C trace context."""

    request_id: str
    traceparent: str

    @property
    def trace_id(self) -> str:
        """The trace that it belongs to, in hexadecimal."""
        return self.traceparent.split("-")[1]


def marks_of(request: Request) -> Marks:
    """Return the marks that a request came with, where they can be meant, else new ones."""
    given = request.headers.get("x-request-id", "")
    request_id = given if _REQUEST_ID.fullmatch(given) else uuid7()
    came = request.headers.get("traceparent", "")
    context = parsed(came) if len(came) == 55 and came.isascii() else None
    chance = os.urandom(24).hex()
    trace_id = f"{context.trace_id:032x}" if context else chance[:32]
    flags = int(context.sampled) if context else 1
    return Marks(request_id, f"00-{trace_id}-{chance[32:]}-{flags:02x}")


def caller_of(who: Principal, marks: Marks) -> Caller:
    """Return who makes a request."""
    return Caller(
        tenant_id=who.tenant_id,
        user_id=who.user_id,
        roles=who.roles,
        scopes=who.scopes,
        data_classification=who.data_classification,
        key_id=who.key_id,
        request_id=marks.request_id,
        trace_id=marks.trace_id,
        until=who.until,
    )


def need_scope(caller: Caller, scope: str) -> None:
    """Raise Problem where a key does not grant a scope."""
    if not caller.may(scope):
        raise Problem(
            "forbidden",
            f"This needs the scope {scope}, which the key does not grant.",
            headers={"www-authenticate": challenge("insufficient_scope", scope=scope)},
        )


def need_own(what: str, said: str | None, own: str) -> None:
    """Raise Problem where a body speaks for somebody else than the key does."""
    if said is not None and said != own:
        raise Problem("other_tenant", f"{what} is what the key says: leave it out.")


def subset(what: str, said: Iterable[str] | None, own: tuple[str, ...]) -> tuple[str, ...]:
    """Return what a body asks for of what a key grants; all of it where it does not say."""
    if said is None:
        return own
    asked = tuple(said)
    missing = [each for each in asked if each not in own]
    if missing:
        raise Problem("forbidden", f"The key does not grant the {what} {missing[0][:100]!r}.")
    return asked
