"""What is hunted for on the stack of a sealed tenant, and every place where bytes are."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.topics import TOPICS
from runfold.producers.log.kafka import TopicReader
from runfold.stack.settings import Settings
from tests.support import stack
from tests.system.first_hour.person import Person

CANARY = "canary-7Q1Z-0xF00D"
BYTES = CANARY.encode()
FORMS = (
    BYTES,
    BYTES.hex().encode(),
    # At any offset, without the characters that what is beside it would change.
    *(base64.b64encode(b"x" * n + BYTES)[4:-4] for n in range(3)),
)
SERVERS = {"kafka", "postgres"}


@dataclass(frozen=True)
class Place:
    """Where something that should not be there was found."""

    what: str
    where: str


def servers(person: Person) -> Settings:
    """Return where the servers of a person's stack are."""
    known = person.reads("runfold status --show-password")
    settings = stack.embedded_settings(person.home)
    return settings.at(known["bootstrap_servers"], known["database_url"])


def in_topics(settings: Settings) -> list[Place]:
    """Look into every record of every topic, as its readers get it."""
    found, reader = [], TopicReader(settings.kafka_config(), Codec(LockRegistry()))
    for topic in TOPICS:
        raws = reader.read(topic.name)
        texts = [part for raw in raws for part in (raw.key, raw.value, *dict(raw.headers).values())]
        if any(holds(part) for part in texts if part is not None):
            found.append(Place("topic", topic.name))
    return found


def in_tables(settings: Settings) -> list[Place]:
    """Look into every row of every table, whoever may see it."""
    listed = (
        "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type ="
        " 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')"
    )
    found = []
    with psycopg.connect(settings.database_url) as connection:
        for schema, table in connection.execute(listed).fetchall():
            query = sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(schema, table))
            if any(holds(row[0].encode()) for row in connection.execute(query)):
                found.append(Place("table", table))
    return found


def in_files(home: Path) -> list[Place]:
    """Look into every file but those of the servers, which are asked themselves."""
    found = []
    for path in home.rglob("*"):
        inside = path.relative_to(home).parts
        if inside[0] not in SERVERS and path.is_file() and holds(path.read_bytes()):
            found.append(Place("file", str(path.relative_to(home))))
    return found


def holds(data: bytes) -> bool:
    """Whether bytes hold the words that are hunted for, in any form."""
    return any(form in data for form in FORMS)
