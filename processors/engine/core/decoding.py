"""What a record of an input topic says, or why it cannot be used."""

from __future__ import annotations

from typing import Any

from runfold.events import topics
from runfold.events.base import Record
from runfold.events.errors import WireError
from runfold.processors.engine.core.inputs import Deleted, Received, Unreadable
from runfold.processors.engine.core.refusals import Refused
from runfold.processors.engine.ports import Codec
from runfold.processors.engine.spec import AggregateSpec


def decode(item: Received, spec: AggregateSpec[Any], codec: Codec) -> tuple[Record, str]:
    """Return the record and its key; raises Refused for what cannot be used."""
    if isinstance(item, Deleted):
        raise Refused("deleted_unread", item.reason)
    if isinstance(item, Unreadable):
        raise Refused("unreadable_batch", item.reason)
    if item.value is None:
        raise Refused("empty", "the record has no value")
    if len(item.value) > topics.MAX_INPUT_BYTES:
        raise Refused(
            "oversized",
            f"the record takes {len(item.value)} bytes, {topics.MAX_INPUT_BYTES} may be",
        )
    try:
        key = (item.key or b"").decode()
        record = codec.decode(item.topic, item.value)
    except WireError as error:
        raise Refused(error.code, error.reason) from error
    except UnicodeDecodeError as error:
        raise Refused("key_mismatch", "the key is not UTF-8 text") from error
    if not isinstance(record, Record):
        raise Refused("wrong_topic", f"an event of the journal has no place on {item.topic}")
    if (meant := spec.key_of(record)) != key:
        raise Refused("key_mismatch", f"the record's key is {key!r}, it belongs to {meant!r}")
    return record, key
