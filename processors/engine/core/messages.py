"""What a lane writes: messages for its own partition of some topic, or for another."""

from __future__ import annotations

from typing import NamedTuple

from runfold.events.avro.headers import Headers


class Message(NamedTuple):
    """A record to write to a topic; a value of None is a tombstone.

    ``partition`` is None for the lane's own; what goes to another aggregate has that of its key.
    """

    topic: str
    key: str | None
    value: bytes | None
    headers: Headers
    partition: int | None = None


def header(all_headers: tuple[tuple[str, bytes | None], ...], name: str) -> str | None:
    """Return a header's text, or None where it is absent or no text."""
    for key, value in all_headers:
        if key == name and value is not None:
            return value.decode("ascii", "replace")
    return None
