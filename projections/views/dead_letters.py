"""Dead letters: what could not be used, from the engine's topic and from the journal itself."""

from __future__ import annotations

import base64

from runfold.events import topics
from runfold.projections.rendering.readable import as_json, clean
from runfold.projections.tables import dead_letters
from runfold.projections.view import Batch, PlacedDeadLetter, Row, Rows, Unreadable, View

_TOPICS = (topics.EVENTS, topics.DEAD_LETTERS)

_SHOWN_BYTES = 16_384
"""How much of a value the table keeps; all of it stays on the topic."""


def add(batch: Batch, rows: Rows) -> None:
    """Add one row a record; one that was set aside twice stands once."""
    found = rows.of(dead_letters)
    for letter in batch.dead_letters:
        row = _from_letter(letter)
        found.setdefault(_place(row), row)
    for unreadable in batch.unreadable:
        if unreadable.topic not in _TOPICS:
            continue
        row = _from_journal(unreadable)
        found.setdefault(_place(row), row)


def _place(row: Row) -> tuple[str, int, int]:
    return row["topic"], row["record_partition"], row["record_offset"]


def _from_letter(placed: PlacedDeadLetter) -> Row:
    letter = placed.record
    headers = [
        {"key": header.key, "value": None if header.value is None else _shown(header.value)}
        for header in letter.headers
    ]
    return {
        "topic": letter.topic,
        "record_partition": letter.partition,
        "record_offset": letter.offset,
        "time": letter.time,
        "found_by": "engine",
        "code": letter.code,
        "reason": clean(letter.reason),
        "size": letter.size,
        "key": _text(letter.key),
        "value_base64": None if letter.value is None else _shown(letter.value),
        "headers_json": as_json(headers),
        "letter_partition": placed.partition,
        "letter_offset": placed.offset,
    }


def _from_journal(found: Unreadable) -> Row:
    return {
        "topic": found.topic,
        "record_partition": found.partition,
        "record_offset": found.offset,
        "time": found.time,
        "found_by": "projection",
        "code": found.error.code,
        "reason": clean(f"projection: {found.error}"),
        "size": len(found.value),
        "key": _text(found.key),
        "value_base64": _shown(found.value),
    }


def _shown(value: bytes) -> str:
    return base64.b64encode(value[:_SHOWN_BYTES]).decode()


def _text(key: bytes | None) -> str | None:
    return None if key is None else clean(key.decode("utf-8", "replace"))


VIEW = View("dead_letters", (dead_letters,), add, _TOPICS)
