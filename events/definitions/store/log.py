"""What was published and decided, in the order of the topic: the memory behind every snapshot.

Each list is in order of ``since``, the position from which on its item holds, so what held at any
position is found by binary search. One thread appends; any number read at older positions without
a lock, because nothing that they look at is changed or moved.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from runfold.events.definitions.base import Definition
from runfold.events.definitions.store.records import LiveRuns
from runfold.events.definitions.store.since import T, last
from runfold.events.definitions.store.versions import version_order
from runfold.events.definitions.tenancy.delegation import Delegation
from runfold.events.definitions.tenancy.tenants import TenantMemory
from runfold.events.values import Pin

MARKED = frozenset({"policy"})
"""The kinds of which everything that is in force holds together."""


class State(StrEnum):
    """Whether a version may be used: ``retired`` by its version only, ``withdrawn`` by no run."""

    ACTIVE = "active"
    RETIRED = "retired"
    WITHDRAWN = "withdrawn"


class Name(NamedTuple):
    """A name of a kind, of one tenant or of all."""

    kind: str
    name: str
    tenant: str | None = None


class Published(NamedTuple):
    """A published version."""

    since: int
    definition: Definition
    pin: Pin
    tenant: str | None
    by: str
    at: datetime | None


class Ruling(NamedTuple):
    """What a version's state became; ``live_runs`` where it was withdrawn."""

    since: int
    state: State
    live_runs: LiveRuns
    reason: str


class Choice(NamedTuple):
    """What a name stands for from here on: a version, or another name; None is the default."""

    since: int
    target: str | None


class Switch(NamedTuple):
    """Whether something is stopped from here on, and why."""

    since: int
    stopped: bool
    reason: str
    at: datetime | None = None
    by: str = ""


@dataclass(slots=True)
class DefinitionMemory:
    """Every version, state, release and alias by its key; ``tip`` is the last position shown."""

    tip: int = 0
    versions: dict[tuple[str, str, str], dict[str | None, Published]] = field(default_factory=dict)
    names: dict[Name, list[Published]] = field(default_factory=dict)
    newest: dict[Name, list[Published]] = field(default_factory=dict)
    rulings: dict[tuple[Name, str], list[Ruling]] = field(default_factory=dict)
    releases: dict[Name, list[Choice]] = field(default_factory=dict)
    aliases: dict[Name, list[Choice]] = field(default_factory=dict)
    switches: dict[Name, list[Switch]] = field(default_factory=dict)
    delegations: list[Delegation] = field(default_factory=list)
    marks: dict[tuple[str, str | None], list[int]] = field(default_factory=dict)
    """Where something was published or decided, by kind and tenant, of kinds that form sets."""
    tenants: TenantMemory = field(default_factory=TenantMemory)
    sets: dict[object, object] = field(default_factory=dict)
    """What was gathered of those kinds, by whoever gathers it; a cache."""

    def mark(self, kind: str, tenant: str | None, position: int) -> None:
        """Note that something changed of a kind of which all that is in force holds together."""
        if kind in MARKED:
            self.marks.setdefault((kind, tenant), []).append(position)

    def publish(self, kind: str, published: Published) -> None:
        """Add a version; a name's newest version is kept as the line of what was newest when."""
        name, version = published.definition.name, published.definition.version
        key = Name(kind, name, published.tenant)
        self.names.setdefault(key, []).append(published)
        newest = self.newest.setdefault(key, [])
        if not newest or version_order(version) >= version_order(newest[-1].definition.version):
            newest.append(published)
        self.versions.setdefault((kind, name, version), {})[published.tenant] = published
        self.mark(kind, published.tenant, published.since)

    def forked(self, position: int) -> DefinitionMemory:
        """Return a memory of its own that holds what held at a position."""
        copy = DefinitionMemory(tip=position)
        for name, versions in self.names.items():
            for published in versions:
                if published.since <= position:
                    copy.publish(name.kind, published)
        for ours, its in ((self.releases, copy.releases), (self.aliases, copy.aliases)):
            for name, choices in ours.items():
                its[name] = [choice for choice in choices if choice.since <= position]
        for name, switches in self.switches.items():
            copy.switches[name] = [each for each in switches if each.since <= position]
        for key, rulings in self.rulings.items():
            copy.rulings[key] = [ruling for ruling in rulings if ruling.since <= position]
        copy.delegations = [each for each in self.delegations if each.since <= position]
        copy.marks = {
            key: [since for since in marks if since <= position]
            for key, marks in self.marks.items()
        }
        copy.tenants = self.tenants.until(position)
        return copy

    def published(self, position: int) -> Iterator[tuple[str, Published]]:
        """Yield every version that there was at a position, with its kind, by name."""
        for name, versions in sorted(self.names.copy().items(), key=lambda item: _order(item[0])):
            for published in _until(versions, position):
                yield name.kind, published


def _order(name: Name) -> tuple[str, str, str]:
    return name.kind, name.name, name.tenant or ""


def _until(items: Sequence[T], position: int) -> Iterable[T]:
    return items[: bisect_right(items, position, key=lambda item: item.since)]


def thrown(memory: DefinitionMemory, position: int) -> Iterator[tuple[Name, Switch]]:
    """Yield the switches that stop something at a position, by kind, name and tenant."""
    switches = memory.switches.copy()
    for name in sorted(switches, key=lambda name: (name.kind, name.name, name.tenant or "")):
        found = last(switches[name], position)
        if found is not None and found.stopped:
            yield name, found
