"""Watching the views while they are made: a position that goes back was moved by a zombie.

After a crash of Postgres positions may be lost together with their rows, which does no harm: where
the connection broke, watching begins again.
"""

from __future__ import annotations

import threading

import psycopg

_EVERY_S = 0.2


class PositionWatch(threading.Thread):
    """Looks at the views' positions until stopped; ``regressions`` tells where they went back."""

    def __init__(self, url: str) -> None:
        super().__init__(name="positions", daemon=True)
        self._url = url
        self._stopping = threading.Event()
        self._highest: dict[tuple[str, str, int], int] = {}
        self.regressions: list[str] = []

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()
        self.join()

    def run(self) -> None:
        """Look, through outages of the database."""
        while not self._stopping.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True, connect_timeout=2) as connection:
                    while not self._stopping.wait(_EVERY_S):
                        self._look(connection)
            except psycopg.Error:
                self._highest.clear()
                self._stopping.wait(_EVERY_S)

    def _look(self, connection: psycopg.Connection) -> None:
        found = connection.execute(
            "SELECT view, topic, topic_partition, next_offset FROM projection_positions"
        ).fetchall()
        for view, topic, partition, offset in found:
            key = (view, topic, partition)
            highest = self._highest.get(key, 0)
            if offset < highest:
                self.regressions.append(f"{view} {topic}/{partition}: {highest} to {offset}")
            self._highest[key] = max(highest, offset)
