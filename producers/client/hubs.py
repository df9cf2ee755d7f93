"""What the clients of one process follow runs by."""

from __future__ import annotations

from runfold.events import topics
from runfold.producers.follow.hub import Hub
from runfold.producers.log.port import LogReader


class Hubs:
    """One hub for the journal and one for completions; clients of a process share it."""

    def __init__(self, reader: LogReader) -> None:
        self.events = Hub(reader, topics.EVENTS)
        self.completions = Hub(reader, topics.COMPLETIONS)

    def close(self) -> None:
        """Stop reading; those who still follow receive a FatalError."""
        self.events.close()
        self.completions.close()
