"""One worker at a time: libraries make their tables at their start, and not all can race."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

_ANY_NUMBER = 4_107_223


@contextmanager
def alone(database_url: str) -> Iterator[None]:
    """Hold a lock that every worker on this database waits for."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        # Asked again and again: an index made concurrently waits for every open statement.
        while not _locked(connection):
            time.sleep(0.02)
        yield


def _locked(connection: psycopg.Connection) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_ANY_NUMBER,)).fetchone()
    return row is not None and bool(row[0])
