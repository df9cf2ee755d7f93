"""What a lane writes: messages for its own partition of some topic."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from runfold.events.avro.headers import Headers
from runfold.events.avro.headers import headers as cloud_event

SOURCE = "runfold/run-processor"


class Message(NamedTuple):
    """A record to write to the lane's partition of a topic; a value of None is a tombstone."""

    topic: str
    key: str | None
    value: bytes | None
    headers: Headers


def headers(kind: str, event_id: str, time: datetime, subject: str, traceparent: str) -> Headers:
    """Return the headers of a record that the run processor writes."""
    return cloud_event(kind, event_id, SOURCE, time, subject, traceparent)


def header(all_headers: tuple[tuple[str, bytes | None], ...], name: str) -> str | None:
    """Return a header's text, or None where it is absent or no text."""
    for key, value in all_headers:
        if key == name and value is not None:
            return value.decode("ascii", "replace")
    return None
