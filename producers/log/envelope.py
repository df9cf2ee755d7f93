"""What a record carries beside its bytes when a program publishes it."""

from __future__ import annotations

from datetime import UTC, datetime

from runfold.events.avro.codec import Codec
from runfold.events.avro.headers import Headers, headers
from runfold.events.base import Record
from runfold.events.errors import EventsError
from runfold.events.topics import MAX_INPUT_BYTES
from runfold.producers.errors import RefusedError
from runfold.producers.identity import current_traceparent, uuid7


def value_of(codec: Codec, topic: str, record: Record) -> bytes:
    """Return a record's bytes; raises RefusedError if the topic would not take them."""
    try:
        value = codec.encode(topic, record)
    except EventsError as error:
        raise RefusedError(str(error)) from error
    if len(value) > MAX_INPUT_BYTES:
        raise RefusedError(
            f"This {type(record).__name__} has {len(value):,} bytes and {topic} takes "
            f"{MAX_INPUT_BYTES:,}: put large texts into files and refer to them."
        )
    return value


def headers_of(record: Record, key: str, source: str) -> Headers:
    """Return CloudEvents headers; the id is the record's own where it has one.

    The trace is the record's own too, or the one that the program is in; most have none.
    """
    own = getattr(record, "request_id", None) or getattr(record, "run_id", None)
    trace = getattr(record, "traceparent", None) or current_traceparent()
    kind = type(record).__name__
    return headers(kind, own or uuid7(), source, datetime.now(UTC), key, trace)
