"""What was said in a run, message by message."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from runfold.events.base import Record
from runfold.events.calls.model import Message
from runfold.events.contents.content import Content

_NO_DIGEST = bytes(32)


class TranscriptEntry(Record):
    """One message as it was said; ``kind`` and ``id`` name it, as a ``ContextRef`` does.

    One that is ``pinned`` stays in every context.
    """

    kind: str
    id: str
    message: Message
    pinned: bool = False

    @property
    def token_estimate(self) -> int:
        """The message's size in tokens, estimated at four bytes each."""
        return tokens_of(parts(self.message))

    @property
    def digest(self) -> bytes:
        """The sha256 of who speaks and of the digests of all that is said."""
        return digest_of([self])


def digest_of(entries: Iterable[TranscriptEntry]) -> bytes:
    """Return the rolling sha256 of messages in their order, 32 zero bytes for none."""
    digest = _NO_DIGEST
    for entry in entries:
        digest = digest_after(digest, entry.message, parts(entry.message))
    return digest


def digest_after(digest: bytes, message: Message, held: Sequence[Content]) -> bytes:
    """Return the rolling sha256 of one more message, whose parts are ``held``."""
    said = [digest, message.role.encode(), *[part.digest for part in held]]
    return hashlib.sha256(b"".join(said)).digest()


def tokens_of(held: Sequence[Content]) -> int:
    """Return the size in tokens of a message with these parts, estimated at four bytes each."""
    return sum([part.size for part in held]) // 4 + 4


def parts(message: Message) -> list[Content]:
    """Return all that a message says: its text, then the arguments of its calls."""
    held = [call.arguments for call in message.tool_calls]
    if message.content is not None:
        held.insert(0, message.content)
    return held
