"""Records as a client of some release writes them: this one's, or those of another checkout."""

from __future__ import annotations

import base64
import pickle
import subprocess
import sys
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Self

from runfold.events.base import Record
from tests.system.crash.agent import CODEC

Encode = Callable[[str, Record], bytes]

_SERVES = """
import base64, pickle, sys
from runfold.events.catalogue import CATALOGUE
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
codec = Codec(LockRegistry())
for line in sys.stdin:
    topic, kind, said = pickle.loads(base64.b64decode(line))
    record = next(each for each in CATALOGUE[topic] if each.__name__ == kind)
    value = codec.encode(topic, record.model_validate(said))
    print(base64.b64encode(value).decode(), flush=True)
"""


class OlderClient:
    """A process of another release that encodes requests and controls, one at a time.

    What a record says that the release does not know makes it fail; defaults are left out.
    """

    def __init__(self, environment: dict[str, str], root: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVES],
            env=environment,
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def encode(self, topic: str, record: Record) -> bytes:
        """Return a record as the other release writes it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        said = topic, type(record).__name__, _plain(record.model_dump(exclude_defaults=True))
        self._process.stdin.write(base64.b64encode(pickle.dumps(said)).decode() + "\n")
        self._process.stdin.flush()
        return base64.b64decode(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        assert self._process.wait(30) == 0 or error is not None


def ours(topic: str, record: Record) -> bytes:
    """Return a record as this release writes it."""
    return CODEC.encode(topic, record)


def _plain(value: object) -> object:
    match value:
        case Enum():
            return value.value
        case dict():
            return {name: _plain(each) for name, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
        case _:
            return value
