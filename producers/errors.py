"""What goes wrong between a program and the log, grouped by what its caller must do.

LogError
├── RefusedError      refuse: it will never be accepted as it is; change what was asked
│   └── NoTopicError  see that the topics are there: a broker that has just come back knows not all
├── UnavailableError  retry: the log did not answer in time; the same may succeed later
│   └── NotYetError   retry: what was waited for has not happened in the time given
├── LostStartError    restore: what a topic must keep for good is not there any more
├── StrangePositionError  stop: what is remembered is of another topic than is there now
├── BehindError       go on later: more came than a slow follower may have waiting for it
├── UnreadableError   go around: what stands there can never be read, whoever tries
└── FatalError        stop: this client cannot be used any more; make a new one
"""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException

_REFUSED = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.INVALID_RECORD,
        KafkaError.INVALID_MSG,
        KafkaError.INVALID_TIMESTAMP,
        KafkaError.INVALID_REQUIRED_ACKS,
        KafkaError.POLICY_VIOLATION,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.TOPIC_EXCEPTION,
        KafkaError.UNSUPPORTED_SASL_MECHANISM,
        # librdkafka's own codes are public, whatever their names look like.
        KafkaError._AUTHENTICATION,  # noqa: SLF001
        KafkaError._INVALID_ARG,  # noqa: SLF001
    }
)
_NO_TOPIC = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001
    }
)
_UNREADABLE = frozenset(
    {
        KafkaError._BAD_MSG,  # noqa: SLF001
        KafkaError._BAD_COMPRESSION,  # noqa: SLF001
    }
)
_UNREADABLE_WHEN_FETCHED = _UNREADABLE | {
    # A record format that this client does not know.
    KafkaError._NOT_IMPLEMENTED,  # noqa: SLF001
    # The broker itself finds its file corrupt.
    KafkaError.INVALID_MSG,
    KafkaError.INVALID_RECORD,
    # Larger than any fetch of this client may be.
    KafkaError.MSG_SIZE_TOO_LARGE,
}
_FATAL = frozenset(
    {
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError._FATAL,  # noqa: SLF001
        KafkaError._FENCED,  # noqa: SLF001
    }
)


class LogError(Exception):
    """The root of what this room raises."""


class RefusedError(LogError):
    """It will never be accepted as it is; the message says what to change."""


class NoTopicError(RefusedError):
    """The brokers know no such topic, or do not know it yet: nothing is wrong with the request."""


class UnavailableError(LogError):
    """The log did not answer in time; the same request may succeed later."""


class NotYetError(UnavailableError):
    """What was waited for has not happened in the time given."""


class LostStartError(LogError):
    """A topic that keeps everything has lost its beginning; the message says what helps."""


class StrangePositionError(LogError):
    """A remembered position is of another topic than the one there is; the message says which."""


class UnreadableError(LogError):
    """A batch of records that can never be read: corrupt, or not to be inflated.

    ``place`` is its topic and partition, ``offset`` where it begins.
    """

    def __init__(self, place: tuple[str, int], offset: int, reason: str) -> None:
        topic, partition = place
        super().__init__(
            f"{topic}/{partition} cannot be read at offset {offset} ({reason}), and trying again "
            'does not help: docs/operations.md, "What cannot be read", says what does.'
        )
        self.place = place
        self.offset = offset
        self.reason = reason


class BehindError(LogError):
    """A follower was too slow for its buffer; it lost nothing that the log does not have."""


class FatalError(LogError):
    """The client cannot be used any more; a new one may work."""


def is_fatal(error: KafkaError) -> bool:
    """Return whether the client that reported this cannot be used any more.

    A consumer reports it in a record, with the code of what happened and no flag: only the text
    shows it.
    """
    fatal = error.fatal() or error.code() == KafkaError._FATAL  # noqa: SLF001
    return fatal or error.str().startswith("Fatal error")


def is_unreadable(error: KafkaError) -> bool:
    """Return whether what a consumer fetched, and complains of with this, can never be read."""
    return error.code() in _UNREADABLE_WHEN_FETCHED


def translated(problem: KafkaError | KafkaException, doing: str) -> LogError:
    """Return Kafka's complaint as one of ours; ``doing`` names what was attempted."""
    error = problem.args[0] if isinstance(problem, KafkaException) else problem
    sentence = f"Kafka failed while {doing}: {error.str()}"
    if is_fatal(error) or error.code() in _FATAL:
        return FatalError(f"{sentence}. Close this client and make a new one.")
    if error.code() in _NO_TOPIC:
        return NoTopicError(f"{sentence}. See that the topics were made, and try again.")
    if error.code() in _REFUSED:
        return RefusedError(f"{sentence}.")
    return UnavailableError(f"{sentence}. Check that the broker runs, and try again.")
