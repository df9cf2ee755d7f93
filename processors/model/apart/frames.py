"""What a process and the child that makes its provider calls say to each other.

A message names the call by its number, and what it is. Works and answers are the Avro records of
the topics, a call and its result; only the first one, the settings, is JSON.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import asdict
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from runfold.events.avro.compiled.parsers import NOT_PARSED, parser_for
from runfold.events.avro.compiled.readers import HEAD as SCHEMA_HEAD
from runfold.events.avro.compiled.writers import writer_for
from runfold.events.base import Record
from runfold.infra.process import frames
from runfold.infra.process.frames import FrameError
from runfold.processors.model.providers.settings import Provider

__all__ = ["FrameError", "Kind", "Message", "parsed", "read_frame", "to_bytes", "written"]

MOST_ANSWER_BYTES = 16_000_000
"""The largest payload that a child may send."""

_MOST_BYTES = 1_000_000_000
_NO_SCHEMA = bytes(SCHEMA_HEAD)

R = TypeVar("R", bound=Record)


class Kind(StrEnum):
    """What a message is."""

    SETTINGS = "settings"
    CALL = "call"
    GIVE_UP = "give_up"
    ANSWER = "answer"
    DELTA = "delta"


_KINDS = frozenset(Kind)


class Message(NamedTuple):
    """One message; ``number`` names the call within the life of a child."""

    kind: Kind
    number: int
    payload: bytes


def to_bytes(kind: Kind, number: int, payload: bytes = b"") -> bytes:
    """Return a message's bytes."""
    return frames.packed(frames.Frame({"kind": kind, "number": number}, payload), _MOST_BYTES)


async def read_frame(reader: asyncio.StreamReader, most: int = _MOST_BYTES) -> Message | None:
    """Return the next message, None at the end of the channel.

    Raises FrameError for a larger payload than ``most`` bytes, and for what is no message.
    """
    frame = await frames.read_frame(reader, most)
    if frame is None:
        return None
    number = frame.number("number")
    if frame.kind not in _KINDS or number is None:
        raise FrameError("a head without kind and number")
    return Message(Kind(frame.kind), number, frame.body)


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


class Settings(NamedTuple):
    """The providers by name, the memory of the child in bytes, whether it tells deltas."""

    providers: dict[str, Provider]
    memory_bytes: int
    deltas: bool


def settings_to_bytes(
    providers: Iterable[Provider], memory_bytes: int, *, deltas: bool = False
) -> bytes:
    """Return the payload of the first frame: it holds keys, so it is never logged."""
    listed = [asdict(provider) for provider in providers]
    said = {"providers": listed, "memory_bytes": memory_bytes, "deltas": deltas}
    return json.dumps(said).encode()


def settings_from(payload: bytes) -> Settings:
    """Return what the first frame says."""
    given: dict[str, Any] = json.loads(payload)
    providers = [Provider(**fields) for fields in given["providers"]]
    named = {provider.name: provider for provider in providers}
    return Settings(named, given["memory_bytes"], given["deltas"])
