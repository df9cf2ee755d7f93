"""Who acts for whom while they are absent, as the definition store says it at one position.

A delegation holds from ``starts_at`` until ``ends_at``, for the roles and the tools that it names,
for all where it names none. It is not passed on: who acts for another cannot let a third do so.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from runfold.events.definitions.store.records import AuthorityDelegated

if TYPE_CHECKING:
    from runfold.events.definitions.store.log import DefinitionMemory
    from runfold.events.definitions.store.snapshot import Definitions

KIND = "delegation"
"""The kind of such a record; its name is the person who is absent."""


class Delegation(NamedTuple):
    """What one person has delegated to another; ``revoked`` takes it back."""

    since: int
    person: str
    delegate: str
    tenant: str | None
    starts_at: datetime
    ends_at: datetime
    roles: tuple[str, ...]
    tools: tuple[str, ...]
    revoked: bool
    reason: str
    by: str

    def holds(self, at: datetime) -> bool:
        """Whether it holds at a moment."""
        return not self.revoked and self.starts_at <= at < self.ends_at

    def covers(self, *, role: str | None = None, tool: str | None = None) -> bool:
        """Whether it is for a role and for a tool, as far as those are given."""
        by_role = role is None or not self.roles or role in self.roles
        return by_role and (tool is None or not self.tools or tool in self.tools)


def delegation_of(decided: AuthorityDelegated, since: int) -> Delegation:
    """Return what a record says, as the memory of definitions keeps it."""
    return Delegation(
        since=since,
        person=decided.name,
        delegate=decided.delegate,
        tenant=decided.tenant,
        starts_at=decided.starts_at,
        ends_at=decided.ends_at,
        roles=decided.roles,
        tools=decided.tools,
        revoked=decided.revoked,
        reason=decided.reason,
        by=decided.decided_by,
    )


def last_of_each(
    memory: DefinitionMemory, position: int, tenant: str | None
) -> Iterator[Delegation]:
    """Yield what stands between each two persons, for a tenant and for all, by their names.

    What was said last between two persons replaces what was said before, in the same scope.
    """
    found: dict[tuple[str, str, str], Delegation] = {}
    for each in memory.delegations.copy():
        if each.since <= position and each.tenant in {None, tenant}:
            found[each.person, each.delegate, each.tenant or ""] = each
    for key in sorted(found):
        if not found[key].revoked:
            yield found[key]


def acting_for(
    definitions: Definitions,
    person: str,
    at: datetime,
    tenant: str | None = None,
    *,
    role: str | None = None,
    tool: str | None = None,
) -> tuple[Delegation, ...]:
    """Return for whom a person may act at a moment, in a role and on a tool where those are given.

    The answer depends on the position of the definitions and on its arguments alone.
    """
    return tuple(
        [
            each
            for each in definitions.delegations(tenant)
            if each.delegate == person and each.holds(at) and each.covers(role=role, tool=tool)
        ]
    )


def standing_in(
    definitions: Definitions,
    person: str,
    at: datetime,
    tenant: str | None = None,
    *,
    tool: str | None = None,
) -> tuple[Delegation, ...]:
    """Return who may act for a person at a moment, on a tool where it is given."""
    return tuple(
        [
            each
            for each in definitions.delegations(tenant)
            if each.person == person and each.holds(at) and each.covers(tool=tool)
        ]
    )


def with_role(
    definitions: Definitions,
    role: str,
    at: datetime,
    tenant: str | None = None,
    *,
    tool: str | None = None,
) -> tuple[Delegation, ...]:
    """Return who acts in a role that another has delegated by its name."""
    return tuple(
        [
            each
            for each in definitions.delegations(tenant)
            if role in each.roles and each.holds(at) and each.covers(tool=tool)
        ]
    )


def leads_back(definitions: Definitions, asked: AuthorityDelegated) -> bool:
    """Whether two persons, or several in a ring, would act for each other at the same time."""
    known = [
        each
        for each in definitions.delegations(asked.tenant)
        if each.starts_at < asked.ends_at and asked.starts_at < each.ends_at
    ]
    seen, waiting = set[str](), [asked.delegate]
    while waiting:
        person = waiting.pop()
        if person == asked.name:
            return True
        if person not in seen:
            seen.add(person)
            waiting += [each.delegate for each in known if each.person == person]
    return False
