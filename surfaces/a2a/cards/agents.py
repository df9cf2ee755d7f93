"""Which agents are published, for whom: read from the registry, and believed for a moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from runfold.events.definitions import Definitions
from runfold.events.definitions.agents.agent import AgentDefinition
from runfold.producers.log.port import LogReader
from runfold.surfaces.application.governing.definitions import read_definitions

_FRESH_S = 2.0
_NEWER_S = 0.25


class Agents:
    """The agents that a tenant may ask for; ``all`` and ``of`` may raise errors of the log."""

    def __init__(self, reader: LogReader, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._reader = reader
        self._elapsed = elapsed
        self._known: Definitions | None = None
        self._read_at = 0.0
        self._reading = asyncio.Lock()

    async def of(self, tenant: str | None, name: str) -> AgentDefinition | None:
        """Return what a name stands for, None where it stands for nothing that is in force.

        Without a tenant: of what is published for all.
        """
        found = _resolved(await self._definitions(_FRESH_S), name, tenant)
        # One that was just published is there at once.
        return found or _resolved(await self._definitions(_NEWER_S), name, tenant)

    async def all(self, tenant: str | None) -> list[AgentDefinition]:
        """Return every agent that a tenant sees, by name."""
        known = await self._definitions(_FRESH_S)
        names = sorted(
            {
                each.definition.name
                for each in known
                if each.kind == "agent" and each.tenant in {None, tenant}
            }
        )
        found = (_resolved(known, name, tenant) for name in names)
        return [agent for agent in found if agent is not None]

    async def _definitions(self, fresh_s: float) -> Definitions:
        async with self._reading:
            if self._known is None or self._elapsed() - self._read_at > fresh_s:
                known = await asyncio.to_thread(read_definitions, self._reader, self._known)
                self._known = known
                self._read_at = self._elapsed()
            return self._known


def _resolved(known: Definitions, name: str, tenant: str | None) -> AgentDefinition | None:
    found = known.resolve("agent", name, None, tenant)
    return found.definition(AgentDefinition) if not found.problem else None
