"""The definitions as they stood at any position of the topic ``registry``."""

from __future__ import annotations

from collections.abc import Iterable

from runfold.events.definitions import Definitions, StoreRecord
from runfold.processors.definitions.record import fold


class DefinitionHistory:
    """The definitions of every position, from the topic's records as (offset, record) in order."""

    def __init__(self, records: Iterable[tuple[int, StoreRecord]]) -> None:
        self._all = Definitions()
        for offset, record in records:
            self._all, _ = fold(self._all, record, offset)

    def at(self, position: int) -> Definitions:
        """Return the definitions that a lane had which had read the topic up to ``position``."""
        if position > self._all.position:
            # What was read there is lost; what is left is what can be judged with.
            self._all = self._all.through(position)
        return self._all.at(position)
