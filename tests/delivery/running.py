"""The process that delivers, on a real log and real tables, with receivers of a test's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from runfold.events import topics
from runfold.events.definitions import Definition
from runfold.infra.http import signing
from runfold.infra.process.failpoints import VARIABLE
from runfold.infra.process.ready import READY_FILE
from runfold.processors.definitions.record import announce, key
from runfold.producers.log.kafka import Publisher
from runfold.stack.settings import Settings
from tests.docs.test_blocks import environment
from tests.support import warm
from tests.support.builders.history import CODEC, START, History
from tests.support.stack import wait_until

ROOT = Path(__file__).parents[2]
SECRET = signing.new_secret()
OPEN = {
    "RUNFOLD_OUTGOING_HTTP": "1",
    "RUNFOLD_OUTGOING_PRIVATE": "127.0.0.0/8",
    "RUNFOLD_OUTGOING_PORTS": "*",
    "RUNFOLD_SECRET_WEBHOOK": SECRET,
    "RUNFOLD_WEBHOOK_PAUSES_S": "0.3,0.3,0.3,0.3,0.3,0.3,0.3,0.3,0.3,0.3,0.3,0.3",
}


def publish(settings: Settings, *made: Definition, tenant: str | None = None) -> None:
    """Publish definitions as of before any run of the tests."""
    writer = Publisher(settings.kafka_config(), CODEC)
    for each in made:
        record = announce(each, "ada", START - timedelta(days=1), tenant)
        writer.publish(topics.REGISTRY, record, key(each, tenant))
    writer.close()


@contextmanager
def delivering(
    settings: Settings, name: str = "delivery", fail_at: str = "", **env: str
) -> Iterator[warm.Started]:
    """A process that delivers; with ``fail_at`` it ends where the name says."""
    ready = settings.home / f"{name}.ready"
    ready.unlink(missing_ok=True)
    own = {VARIABLE: fail_at} if fail_at else {}
    with (settings.home / f"{name}.log").open("ab") as log:
        process = warm.start(
            "runfold.processors.delivery",
            env={**environment(settings), **OPEN, READY_FILE: str(ready), **own, **env},
            stdout=log,
            stderr=log,
        )
        try:
            wait_until(lambda: ready.exists() or process.poll() is not None, 60)
            wait_until(lambda: process.poll() is not None or owned(settings), 60)
            yield process
        finally:
            process.kill()
            process.wait()


def owned(settings: Settings) -> bool:
    """Whether somebody reads all partitions."""
    count = ask(settings, "SELECT count(*) FROM delivery_positions")
    return bool(count and count[0][0] == 2 * settings.partitions + 1)


def ask(settings: Settings, query: str, *given: Any) -> list[tuple[Any, ...]]:
    """Return rows of the tables; none where they are not there yet."""
    with psycopg.connect(settings.database_url, options="-c search_path=runfold") as connection:
        try:
            return connection.execute(query.encode(), given).fetchall()
        except psycopg.errors.UndefinedTable:
            return []


def run_of(number: int, settings: Settings, tenant: str = "acme", ends: bool = True) -> History:
    """A short run: it asks a person, goes on, and ends."""
    made = History(f"run-{number:05}", tenant, number % settings.partitions).created()
    made.proposed(f"{made.run_id}.2").asked_person(f"{made.run_id}.2").approved(f"{made.run_id}.2")
    return made.ended() if ends else made


def moment(text: str) -> datetime:
    """Return a moment of the tests' time."""
    return datetime.fromisoformat(text)
