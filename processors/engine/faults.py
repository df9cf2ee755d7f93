"""What goes wrong in a lane, by what the lane must do about it.

EngineFault
├── LaneFault   forget everything, make a new producer, restore, go on
└── Fenced      another producer owns the partition: stop
"""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException

_FENCED = frozenset(
    {
        KafkaError._FENCED,  # noqa: SLF001 - librdkafka's own codes have no other name
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.PRODUCER_FENCED,
    }
)


class EngineFault(Exception):  # noqa: N818 - a fault of the log, not of the caller
    """The root of what a lane raises about the log."""


class LaneFault(EngineFault):
    """The outcome of an operation on the log is bad or unknown."""


class Fenced(EngineFault):
    """A newer producer with the same transactional id exists."""


def translated(error: KafkaException) -> EngineFault:
    """Return what a client's exception means for a lane."""
    inner = error.args[0]
    assert isinstance(inner, KafkaError)
    reason = f"{inner.name()}: {inner.str()}"
    if inner.code() in _FENCED or (inner.fatal() and "fenced" in inner.str().lower()):
        return Fenced(reason)
    return LaneFault(reason)
