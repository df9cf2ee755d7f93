"""What becomes of an input that cannot be used: a dead letter with its bytes, place and reason."""

from __future__ import annotations

from datetime import datetime

from runfold.events import topics
from runfold.events.operations import DeadLetter, HeaderCopy
from runfold.processors.engine.core.inputs import Due, Input, Received
from runfold.processors.engine.core.messages import Message, headers
from runfold.processors.engine.ports import Codec

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


def dead_letter(
    item: Input, refused: Refused, codec: Codec, partition: int, now: datetime
) -> Message:
    """Return the dead letter of an input; of a value over 4 MB its beginning."""
    key, value, copies = _bytes_of(item, codec)
    place = (item.topic, item.offset) if isinstance(item, Received) else (_origin(item), NOWHERE)
    letter = DeadLetter(
        topic=place[0],
        partition=partition,
        offset=place[1],
        time=now,
        code=refused.code,
        reason=refused.reason[:2000],
        size=len(value or b""),
        key=key,
        value=value[:MAX_COPY_BYTES] if value is not None else None,
        headers=copies,
    )
    name = f"{place[0]}/{partition}/{place[1]}"
    return Message(
        topics.DEAD_LETTERS,
        name,
        codec.encode(topics.DEAD_LETTERS, letter),
        headers("DeadLetter", name, now, name, ""),
    )


def _origin(item: Input) -> str:
    return "timer" if isinstance(item, Due) else topics.RESULTS


def _bytes_of(
    item: Input, codec: Codec
) -> tuple[bytes | None, bytes | None, tuple[HeaderCopy, ...]]:
    if isinstance(item, Received):
        copies = tuple(HeaderCopy(key=name, value=value) for name, value in item.headers)
        return item.key, item.value, copies
    if isinstance(item, Due):
        return item.run_id.encode(), item.timer.cause.encode(), ()
    run_id = getattr(item.record, "run_id", "")
    return str(run_id).encode(), codec.encode(topics.RESULTS, item.record), ()
