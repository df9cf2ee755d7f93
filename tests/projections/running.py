"""Projectors in processes of their own, and what they have made of the journal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from runfold.events import topics
from runfold.infra.deployment.naming import Naming
from runfold.stack.settings import Settings
from tests.support import journal, warm
from tests.support.stack import wait_until

ROOT = Path(__file__).parents[2]
PARTITIONS = 4


@contextmanager
def projector(settings: Settings, **more: str) -> Iterator[warm.Started]:
    """A projector process; gone when the block ends, however it ends."""
    log = (settings.home / "projector.log").open("ab")
    process = warm.start(
        "runfold.projections",
        env={**os.environ, **settings.to_env(), **more},
        stdout=log,
        stderr=log,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        log.close()


def caught_up(settings: Settings, view: str = "runs") -> bool:
    """Whether a view has everything that stands on the journal now."""
    events = Naming(settings.deployment).full(topics.EVENTS)
    wanted = journal.ends(settings.bootstrap_servers, events, PARTITIONS)
    try:
        with psycopg.connect(settings.database_url, connect_timeout=2) as connection:
            rows = connection.execute(
                "SELECT topic_partition, next_offset FROM projection_positions"
                " WHERE view = %s AND topic = %s",
                (view, topics.EVENTS),
            ).fetchall()
    except psycopg.Error:
        return False
    found: dict[int, int] = dict(rows)
    return all(found.get(partition, 0) >= end for partition, end in wanted.items())


def wait_caught_up(settings: Settings, view: str = "dead_letters") -> None:
    """Wait until the projector has written everything; the last view stands for all."""
    wait_until(lambda: caught_up(settings, view), 40)


def ask(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    with psycopg.connect(settings.database_url) as connection:
        return connection.execute(query.encode()).fetchall()
