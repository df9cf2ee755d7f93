"""What the clients of one process follow runs by."""

from __future__ import annotations

from runfold.events import topics
from runfold.producers.follow.hub import Hub
from runfold.producers.follow.pieces import Pieces
from runfold.producers.log.port import LogReader


class Hubs:
    """One hub for the journal, one for completions, and what models say meanwhile.

    Clients of a process share it; each reads only while somebody follows.
    """

    def __init__(self, reader: LogReader) -> None:
        self.events = Hub(reader, topics.EVENTS)
        self.completions = Hub(reader, topics.COMPLETIONS)
        self.pieces = Pieces(reader, topics.MODEL_DELTAS)

    def close(self) -> None:
        """Stop reading; those who still follow receive a FatalError."""
        self.events.close()
        self.completions.close()
        self.pieces.close()
