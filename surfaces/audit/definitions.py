"""The definitions as they stood at any position of the topic ``registry``."""

from __future__ import annotations

from collections.abc import Sequence

from runfold.events.definitions import Definitions
from runfold.events.operations import DefinitionPublished
from runfold.processors.definitions.record import fold


class DefinitionHistory:
    """Rebuilds definitions from the topic's records, given as (offset, record) in order."""

    def __init__(self, records: Sequence[tuple[int, DefinitionPublished]]) -> None:
        self._records = records
        self._known: dict[int, Definitions] = {}

    def at(self, position: int) -> Definitions:
        """Return the definitions that a lane had which had read the topic up to ``position``."""
        if position not in self._known:
            definitions = Definitions()
            for offset, record in self._records:
                if offset < position:
                    definitions, _ = fold(definitions, record, offset)
            self._known[position] = definitions.at(position)
        return self._known[position]
