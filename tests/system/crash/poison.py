"""Records that nobody can use, one of each kind for any input topic."""

from __future__ import annotations

from collections.abc import Iterator

from runfold.events import topics
from tests.system.crash.agent import CODEC, request

POISONED = (topics.REQUESTS, topics.CONTROLS, topics.RESULTS, topics.TOOL_CALLS)

_SOUND = request()
_VALUE = CODEC.encode(topics.REQUESTS, _SOUND)


def poisons(topic: str) -> Iterator[tuple[str, bytes, bytes | None]]:
    """Yield name, key and value of every kind."""
    key = _SOUND.run_id.encode()
    yield "malformed", key, b"rubbish"
    yield "empty", key, b""
    yield "without a value", key, None
    yield "truncated", key, _VALUE[: len(_VALUE) // 2]
    yield "of an unknown schema", key, b"\0\xff\xff\xff\xff" + _VALUE[5:]
    yield "oversized", key, b"\0" + bytes(topics.MAX_INPUT_BYTES + 1)
    if topic == topics.REQUESTS:
        yield "under another key", b"another", _VALUE
        yield "under a key that is no text", b"\xff\xfe", _VALUE
    else:
        yield "of another topic", key, _VALUE
