"""Who acts for whom while they are absent: given, and taken back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from runfold.events.definitions import AuthorityDelegated, Definitions
from runfold.events.definitions.tenancy.delegation import KIND
from runfold.events.people.persons import folded
from runfold.surfaces.application.errors import InvalidError
from runfold.surfaces.application.governing.definitions import Governing, read_definitions


def note_on(known: Definitions, tools: Iterable[str], tenant: str | None) -> str:
    """Return which of the tools that are delegated is published nowhere yet, empty for none."""
    published = {each.definition.name for each in known if each.kind == "tool"}
    visible = published if tenant is None else set(known.names("tool", tenant))
    missing = next((each for each in tools if each not in visible), None)
    return (
        f"no tool {missing} is published: until it is, this delegates nothing of it"
        if missing
        else ""
    )


@dataclass(frozen=True, slots=True)
class Given:
    """What a person delegates: until when and from when (None: now), for which roles and tools."""

    ends_at: datetime
    starts_at: datetime | None = None
    roles: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()


class Delegating(Governing):
    """Decides about delegations; raises InvalidError for what cannot hold, and changes nothing."""

    def delegate(self, person: str, delegate: str, given: Given) -> Definitions:
        """Let a person act for another while they are absent."""
        known, said = read_definitions(self._reader), self._said(KIND, person)
        if person != delegate and folded(person) == folded(delegate):
            raise InvalidError(f"{person} and {delegate} are one person: name somebody else.")
        delegated = AuthorityDelegated(
            **said,
            delegate=delegate,
            starts_at=given.starts_at or said["decided_at"],
            ends_at=given.ends_at,
            roles=given.roles,
            tools=given.tools,
        )
        return self._decide(known, delegated)

    def revoke(self, person: str, delegate: str) -> Definitions:
        """Take back what a person has delegated to another."""
        known, said = read_definitions(self._reader), self._said(KIND, person)
        now = said["decided_at"]
        revoked = AuthorityDelegated(
            **said, delegate=delegate, starts_at=now, ends_at=now, revoked=True
        )
        return self._decide(known, revoked)
