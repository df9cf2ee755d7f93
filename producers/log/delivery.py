"""A record that was read, with what its bytes say."""

from __future__ import annotations

from dataclasses import replace

from runfold.events.avro.codec import Codec
from runfold.events.errors import WireError
from runfold.producers.log.port import Delivery


def delivered(codec: Codec, raw: Delivery) -> Delivery:
    """Return the delivery with its record, or with the reason why there is none."""
    try:
        return replace(raw, record=codec.decode(raw.place.topic, raw.value))
    except WireError as error:
        return replace(raw, error=error)
