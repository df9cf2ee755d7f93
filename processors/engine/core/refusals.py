"""What becomes of an input that cannot be used: a dead letter with its bytes, place and reason."""

from __future__ import annotations

from datetime import datetime

from runfold.events.avro.headers import headers
from runfold.events.base import Record
from runfold.events.border import cleaned
from runfold.events.errors import RegistryError
from runfold.events.records.operations import DeadLetter, HeaderCopy
from runfold.processors.engine.aggregate import S
from runfold.processors.engine.core.inputs import Due, Input, Received
from runfold.processors.engine.core.messages import Message
from runfold.processors.engine.ports import Codec
from runfold.processors.engine.spec import AggregateSpec

MAX_COPY_BYTES = 4_000_000
"""How much of a refused record's value is kept."""

NOWHERE = -1
"""The offset of an input that came from no topic."""


class Refused(Exception):  # noqa: N818 - a verdict on the input, not an error of ours
    """An input may not be decided; ``code`` names why in one word, ``reason`` in a sentence."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason

    @classmethod
    def from_verdict(cls, verdict: str) -> Refused:
        """Return the refusal that a screen's ``code: reason`` says."""
        code, _, reason = verdict.partition(":")
        return cls(code.strip(), reason.strip() or code.strip())


class ToldAlready(Exception):  # noqa: N818 - a verdict on the input, not an error of ours
    """An input may not be decided, and its sender has told whoever asked: nothing is on record."""


def dead_letter(
    item: Input,
    refused: Refused,
    spec: AggregateSpec[S],
    codec: Codec,
    partition: int,
    now: datetime,
) -> Message:
    """Return the dead letter of an input; of a value over 4 MB its beginning."""
    topic, offset = _place_of(item, spec)
    key, value, copies = _bytes_of(item, topic, spec, codec)
    refusal = DeadLetter(
        topic=topic,
        partition=partition,
        offset=offset,
        time=now,
        code=refused.code,
        reason=refused.reason[:2000],
        size=len(value or b""),
        key=key,
        value=value[:MAX_COPY_BYTES] if value is not None else None,
        headers=copies,
    )
    name = f"{topic}/{partition}/{offset}"
    dead = spec.topics.dead_letters
    named = headers("DeadLetter", name, spec.source, now, name, "")
    return Message(dead, name, codec.encode(dead, cleaned(refusal)), named)


def _place_of(item: Input, spec: AggregateSpec[S]) -> tuple[str, int]:
    if isinstance(item, Received):
        return item.topic, item.offset
    if isinstance(item, Due):
        return "timer", NOWHERE
    return spec.topics.results or spec.topics.requests, NOWHERE


def _bytes_of(
    item: Input, topic: str, spec: AggregateSpec[S], codec: Codec
) -> tuple[bytes | None, bytes | None, tuple[HeaderCopy, ...]]:
    if isinstance(item, Received):
        copies = tuple(HeaderCopy(key=name, value=value) for name, value in item.headers)
        return item.key, item.value, copies
    if isinstance(item, Due):
        return _bytes(item.key), _bytes(item.timer.cause), ()
    return _bytes(spec.key_of(item.record)), _encoded(item.record, topic, codec), ()


def _bytes(text: str) -> bytes:
    return text.encode(errors="backslashreplace")


def _encoded(record: Record, topic: str, codec: Codec) -> bytes:
    """Return a record's bytes; of one that has none, because of what it holds, how it reads.

    A dead letter is the last resort, so nothing that it is made of may fail.
    """
    try:
        return codec.encode(topic, record)
    except RegistryError:
        raise
    except Exception:  # noqa: BLE001 - whatever it is, the letter must be written
        return _bytes(repr(record)[:MAX_COPY_BYTES])
