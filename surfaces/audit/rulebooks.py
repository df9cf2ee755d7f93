"""The rulebook as it stood at any position of the registry topic."""

from __future__ import annotations

from collections.abc import Sequence

from runfold.events.operations import DefinitionPublished
from runfold.events.rulebook import Rulebook
from runfold.processors.definitions.record import fold


class Rulebooks:
    """Rebuilds rulebooks from the registry's records, given as (offset, record) in order."""

    def __init__(self, records: Sequence[tuple[int, DefinitionPublished]]) -> None:
        self._records = records
        self._known: dict[int, Rulebook] = {}

    def at(self, position: int) -> Rulebook:
        """Return the rulebook that a lane had which had read the registry up to ``position``."""
        if position not in self._known:
            rulebook = Rulebook()
            for offset, record in self._records:
                if offset < position:
                    rulebook, _ = fold(rulebook, record, offset)
            self._known[position] = rulebook.at(position)
        return self._known[position]
