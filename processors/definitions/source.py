"""Where the follower reads from: the port."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from runfold.events.definitions import StoreRecord


class DefinitionStoreUnavailableError(Exception):
    """The registry topic could not be read up to its end in time; try again."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """What came: a record, a ``fault`` in its place, or neither at the end of the topic."""

    next_offset: int
    record: StoreRecord | None = None
    fault: str = ""


class DefinitionLog(Protocol):
    """The registry topic from its beginning; ``end`` may be asked from any thread."""

    def poll(self, timeout: float) -> Arrived | None:
        """Return what comes next within ``timeout`` seconds, or None."""
        ...

    def end(self, timeout: float) -> int:
        """Return the offset after the last record; raises DefinitionStoreUnavailableError."""
        ...

    def close(self) -> None:
        """Close the connection; ``poll`` is not called again."""
        ...
