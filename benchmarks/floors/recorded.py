"""What some runs have left behind: the records of the journal, and the rows of the tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import psycopg
from confluent_kafka import Consumer, TopicPartition

from runfold.events import topics
from runfold.projections.tables import METADATA

_SECONDS = 30.0

Headers = list[tuple[str, str | bytes | None]]


@dataclass(frozen=True, slots=True)
class Written:
    """A record of the journal as it is on the wire."""

    key: bytes
    value: bytes
    headers: Headers


def journal(kafka: Mapping[str, str | int | float], partitions: int) -> list[Written]:
    """Return every record of the journal, partition by partition."""
    consumer = Consumer(
        {
            **kafka,
            "group.id": "floor",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "enable.auto.commit": False,
            "log_level": 0,
        }
    )
    found: list[Written] = []
    for partition in range(partitions):
        consumer.assign([TopicPartition(topics.EVENTS, partition, 0)])
        while (message := consumer.poll(_SECONDS)) is not None and message.error() is None:
            headers = cast("Headers", message.headers() or [])
            found.append(Written(message.key() or b"", message.value() or b"", headers))
    consumer.close()
    return found


def rows(url: str) -> dict[str, bytes]:
    """Return the rows of every table in binary COPY form, by the table's name."""
    found = {}
    with psycopg.connect(url) as connection:
        for table in METADATA.sorted_tables:
            query = f'COPY "{table.name}" TO STDOUT (FORMAT binary)'.encode()
            with connection.cursor().copy(query) as copy:
                found[table.name] = b"".join(bytes(block) for block in copy)
    return found
