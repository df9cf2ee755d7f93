"""Every published definition at one position of the topic ``registry``, immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from runfold.events.definitions.agent import AgentDefinition
from runfold.events.definitions.base import Definition
from runfold.events.definitions.kinds import KINDS
from runfold.events.definitions.model_script import ModelScript
from runfold.events.definitions.tool import ToolContract
from runfold.events.trusted import trusted
from runfold.events.values import Pin

_Key = tuple[str, str]


def _version_order(version: str) -> tuple[tuple[int, int, str], ...]:
    """Order dotted versions by number where they are numbers, by text where they are not."""
    return tuple(
        (0, int(part), "") if part.isdigit() else (1, 0, part) for part in version.split(".")
    )


@dataclass(frozen=True, slots=True)
class Definitions:
    """Definitions by kind, name and version; ``position`` is the next offset to read."""

    position: int = 0
    by_kind: Mapping[str, Mapping[_Key, Definition]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    newest: Mapping[_Key, str] = field(default_factory=lambda: MappingProxyType({}))
    pins: Mapping[tuple[type[Definition], _Key], Pin] = field(
        default_factory=lambda: MappingProxyType({})
    )

    def plus(self, kind: str, body: str | bytes, position: int) -> Definitions:
        """Return the definitions and one more; ``body`` is its canonical JSON.

        Raises pydantic.ValidationError for a body that is no such definition, KeyError for an
        unknown kind.
        """
        added = KINDS[kind].model_validate_json(body)
        key = (added.name, added.version)
        pin = trusted(Pin)(name=added.name, version=added.version, digest=added.digest())
        of_kind = {**self.by_kind.get(kind, {}), key: added}
        newest = self.newest.get((kind, added.name), added.version)
        if _version_order(added.version) >= _version_order(newest):
            newest = added.version
        return replace(
            self,
            position=position,
            by_kind=MappingProxyType({**self.by_kind, kind: MappingProxyType(of_kind)}),
            newest=MappingProxyType({**self.newest, (kind, added.name): newest}),
            pins=MappingProxyType({**self.pins, (type(added), key): pin}),
        )

    def at(self, position: int) -> Definitions:
        """Return the same definitions, known to be complete up to an offset."""
        return replace(self, position=position)

    def pin(self, definition: Definition) -> Pin:
        """Return what names one of these definitions; its digest is computed once."""
        return self.pins[type(definition), (definition.name, definition.version)]

    def _find(self, kind: str, name: str, version: str | None) -> Definition | None:
        name, _, pinned = name.partition("@")
        chosen = version or pinned or self.newest.get((kind, name))
        return self.by_kind.get(kind, {}).get((name, chosen)) if chosen else None

    def agent(self, name: str, version: str | None = None) -> AgentDefinition | None:
        """Return an agent by ``name``, ``name@version`` or name and version; newest by default."""
        found = self._find("agent", name, version)
        return found if isinstance(found, AgentDefinition) else None

    def tool(self, name: str, version: str | None = None) -> ToolContract | None:
        """Return a tool contract by ``name``, ``name@version`` or name and version."""
        found = self._find("tool", name, version)
        return found if isinstance(found, ToolContract) else None

    def model_script(self, name: str, version: str | None = None) -> ModelScript | None:
        """Return the script of a scripted model by name; newest by default."""
        found = self._find("playbook", name, version)
        return found if isinstance(found, ModelScript) else None
