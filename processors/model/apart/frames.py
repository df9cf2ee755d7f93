"""The channel between a process and the child that makes its provider calls.

A frame is a length, the call's number, what it is, and a payload. Works and answers are the Avro
records of the topics, a call and its result; only the first frame, the settings, is JSON.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Iterable
from dataclasses import asdict
from enum import IntEnum
from typing import Any, NamedTuple, TypeVar

from runfold.events.avro.compiled.parsers import NOT_PARSED, parser_for
from runfold.events.avro.compiled.readers import HEAD as SCHEMA_HEAD
from runfold.events.avro.compiled.writers import writer_for
from runfold.events.base import Record
from runfold.processors.model.providers.settings import Provider

MOST_ANSWER_BYTES = 16_000_000
"""The largest frame that a child may send."""

_MOST_BYTES = 1_000_000_000
_HEAD = struct.Struct(">IQB")
_NO_SCHEMA = bytes(SCHEMA_HEAD)

R = TypeVar("R", bound=Record)


class FrameError(ValueError):
    """What came is no frame: the channel cannot be used any more."""


class Kind(IntEnum):
    """What a frame is."""

    SETTINGS = 0
    CALL = 1
    GIVE_UP = 2
    ANSWER = 3


class Frame(NamedTuple):
    """One message; ``number`` names the call within the life of a child."""

    kind: Kind
    number: int
    payload: bytes


def to_bytes(kind: Kind, number: int, payload: bytes = b"") -> bytes:
    """Return a frame's bytes."""
    return _HEAD.pack(len(payload), number, kind) + payload


async def read_frame(reader: asyncio.StreamReader, most: int = _MOST_BYTES) -> Frame | None:
    """Return the next frame, None at the end of the channel.

    Raises FrameError for a larger payload than ``most`` bytes, and for what is no frame.
    """
    try:
        length, number, kind = _HEAD.unpack(await reader.readexactly(_HEAD.size))
        if length > most:
            raise FrameError(f"a frame of {length} bytes")
        return Frame(Kind(kind), number, await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    except ValueError as error:
        raise FrameError(str(error)) from error


def written(record: Record) -> bytes:
    """Return a record as a payload."""
    return _NO_SCHEMA + writer_for(type(record))(record)


def parsed(record: type[R], payload: bytes) -> R:
    """Return the record of a payload; raises FrameError for anything else."""
    try:
        found: R = parser_for(record)(payload)
    except NOT_PARSED as error:
        raise FrameError(f"no {record.__name__}: {error}") from error
    return found


def settings_to_bytes(providers: Iterable[Provider], memory_bytes: int) -> bytes:
    """Return the payload of the first frame: it holds keys, so it is never logged."""
    listed = [asdict(provider) for provider in providers]
    return json.dumps({"providers": listed, "memory_bytes": memory_bytes}).encode()


def settings_from(payload: bytes) -> tuple[dict[str, Provider], int]:
    """Return the providers by name, and the memory that the child may have in bytes."""
    given: dict[str, Any] = json.loads(payload)
    providers = [Provider(**fields) for fields in given["providers"]]
    return {provider.name: provider for provider in providers}, given["memory_bytes"]
