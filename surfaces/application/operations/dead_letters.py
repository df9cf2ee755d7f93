"""Dead letters: inputs that could not be used, read from their topic itself. An operator's only."""

from __future__ import annotations

import base64
from typing import Any

from runfold.events import topics
from runfold.events.records.operations import DeadLetter
from runfold.producers.log.partitioner import partition_for
from runfold.producers.log.port import LogReader
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import NotFoundError

_NOT_LIVE = "run_not_live"
_BY_RUN = frozenset({topics.CONTROLS, topics.RESULTS})
"""Topics whose records are keyed by the run that must be live."""


def dead_letters(reader: LogReader) -> list[shapes.DeadLetter]:
    """Return all, the newest first."""
    counts = _Counts(reader)
    found = [shapes.DeadLetter(**_fields(no, record, counts)) for no, record in _read(reader)]
    return found[::-1]


def dead_letter(reader: LogReader, number: int) -> shapes.DeadLetterDetail:
    """Return one dead letter by its number, with its bytes; raises NotFoundError."""
    found = _read(reader)
    if not 0 < number <= len(found):
        raise NotFoundError(f"There is no dead letter {number} of {len(found)}.")
    record = found[number - 1][1]
    value = None if record.value is None else base64.b64encode(record.value).decode()
    return shapes.DeadLetterDetail(
        **_fields(number, record, _Counts(reader)),
        headers=tuple(
            shapes.DeadLetterHeader(key=each.key, value=repr(each.value)) for each in record.headers
        ),
        value_base64=value,
    )


def dead_letter_of_run(reader: LogReader, run_id: str) -> shapes.DeadLetter | None:
    """Return the newest dead letter of a run's request, None if there is none."""
    return next((each for each in dead_letters(reader) if each.key == run_id), None)


def _read(reader: LogReader) -> list[tuple[int, DeadLetter]]:
    """Return every record with its number, the oldest first."""
    found = [
        each.record
        for each in reader.read(topics.DEAD_LETTERS)
        if isinstance(each.record, DeadLetter)
    ]
    found.sort(key=lambda letter: (letter.time, letter.topic, letter.partition, letter.offset))
    return list(enumerate(found, 1))


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")


class _Counts:
    """How many partitions a topic has, asked once and only where it matters."""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader
        self._known: dict[str, int] = {}

    def of(self, topic: str) -> int:
        if topic not in self._known:
            self._known[topic] = len(self._reader.ends(topic))
        return self._known[topic]


def _reason(record: DeadLetter, counts: _Counts) -> str:
    """Return why it could not be used; what lies where its run does not live says so."""
    if record.code != _NOT_LIVE or record.topic not in _BY_RUN or not record.key:
        return record.reason
    right = partition_for(record.key, counts.of(record.topic))
    if right == record.partition:
        return record.reason
    return (
        f"{record.reason}; it lies on partition {record.partition}, and runs of its key live on "
        f"{right}: send it by a client of Runfold, or place keys by murmur2"
    )


def _fields(number: int, record: DeadLetter, counts: _Counts) -> dict[str, Any]:
    return {
        "no": number,
        "time": record.time,
        "place": f"{record.topic}/{record.partition}/{record.offset}",
        "code": record.code,
        "reason": _reason(record, counts),
        "size": record.size,
        "key": (record.key or b"").decode("utf-8", "replace") or None,
    }
