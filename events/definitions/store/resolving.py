"""What a name stands for: an alias, the released version, or the newest that is in force.

1. An alias leads on, the tenant's own before the shared one.
2. A version that is named is taken in any state but withdrawn.
3. A release says the version: the tenant's release, else, where the tenant has no version of its
   own under that name, the release for all.
4. Otherwise the newest version that is in force: the tenant's own where there is one, else shared.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

from runfold.events.definitions.base import Definition
from runfold.events.definitions.store.log import DefinitionMemory, Name, Published, State
from runfold.events.definitions.store.since import last
from runfold.events.definitions.store.versions import version_order

MAX_ALIASES = 8
"""How many aliases may lead to one another."""


UNKNOWN = "unknown"
"""The problem of a reference that stands for nothing."""

D = TypeVar("D", bound=Definition)


class Found(NamedTuple):
    """What a reference stands for; ``problem`` is ``unknown``, ``retired`` or ``withdrawn``.

    ``name`` and ``version`` say what the reference came down to, as far as it did.
    """

    published: Published | None
    problem: str
    name: str
    version: str | None

    def definition(self, kind: type[D]) -> D | None:
        """Return the definition, None where there is none of that class."""
        made = self.published.definition if self.published else None
        return made if isinstance(made, kind) else None


def resolve(memory: DefinitionMemory, position: int, name: Name, version: str | None) -> Found:
    """Return what a name, with a version or without, stands for at a position."""
    return _Resolving(memory, position).find(name, version)


def standing(memory: DefinitionMemory, position: int, name: Name) -> Published | None:
    """Return the version that is in force of a name within its own scope, aliases left aside.

    What is decided for a tenant says nothing of a shared name, nor the other way round.
    """
    resolving = _Resolving(memory, position)
    release = last(memory.releases.get(name), position)
    if release is None or release.target is None:
        return resolving.newest(name).published
    found = memory.versions.get((name.kind, name.name, release.target), {}).get(name.tenant)
    return found if found is not None and resolving.active(name, found) else None


class _Resolving:
    def __init__(self, memory: DefinitionMemory, position: int) -> None:
        self._memory = memory
        self._position = position

    def find(self, name: Name, version: str | None) -> Found:
        name, version = self._followed(name, version)
        if version is not None:
            return self._checked(name, version, named=True)
        scopes = (name, name._replace(tenant=None)) if name.tenant is not None else (name,)
        for scope in scopes:
            release = last(self._memory.releases.get(scope), self._position)
            if release is not None and release.target is not None:
                return self._checked(name, release.target, named=False)
            if last(self._memory.names.get(scope), self._position) is not None:
                return self.newest(scope)
        return Found(None, UNKNOWN, name.name, None)

    def _followed(self, name: Name, version: str | None) -> tuple[Name, str | None]:
        """Return what a name leads to; a version that was asked for goes before the alias's."""
        for _ in range(MAX_ALIASES + 1):
            said, _, pinned = name.name.partition("@")
            name, version = name._replace(name=said), version or pinned or None
            alias = self._alias(name)
            if alias is None:
                return name, version
            name = name._replace(name=alias)
        return name, version

    def _alias(self, name: Name) -> str | None:
        if not self._memory.aliases:
            return None
        for scope in (name, name._replace(tenant=None)):
            found = last(self._memory.aliases.get(scope), self._position)
            if found is not None:
                return found.target
        return None

    def _checked(self, name: Name, version: str, *, named: bool) -> Found:
        published = self._version(name, version)
        if published is None:
            return Found(None, UNKNOWN, name.name, version)
        state = self._state(name, published)
        if state is State.WITHDRAWN or (state is State.RETIRED and not named):
            return Found(None, state.value, name.name, version)
        return Found(published, "", name.name, version)

    def _version(self, name: Name, version: str) -> Published | None:
        held = self._memory.versions.get((name.kind, name.name, version), {})
        for tenant in (name.tenant, None):
            found = held.get(tenant)
            if found is not None and found.since <= self._position:
                return found
        return None

    def newest(self, scope: Name) -> Found:
        """Return the newest version of a published name that is in force."""
        newest = last(self._memory.newest.get(scope), self._position)
        if newest is None:
            return Found(None, UNKNOWN, scope.name, None)
        state = self._state(scope, newest)
        if state is State.ACTIVE:
            return Found(newest, "", scope.name, newest.definition.version)
        others = sorted(
            (each for each in self._memory.names[scope] if each.since <= self._position),
            key=lambda each: version_order(each.definition.version),
            reverse=True,
        )
        for each in others:
            if self._state(scope, each) is State.ACTIVE:
                return Found(each, "", scope.name, each.definition.version)
        return Found(None, state.value, scope.name, newest.definition.version)

    def active(self, name: Name, published: Published) -> bool:
        """Whether a version was neither retired nor withdrawn, nor lies beyond the position."""
        return published.since <= self._position and self._state(name, published) is State.ACTIVE

    def _state(self, name: Name, published: Published) -> State:
        if not self._memory.rulings:
            return State.ACTIVE
        key = (name._replace(tenant=published.tenant), published.definition.version)
        ruling = last(self._memory.rulings.get(key), self._position)
        return ruling.state if ruling else State.ACTIVE
