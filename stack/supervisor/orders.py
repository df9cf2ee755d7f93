"""How a supervisor is told to restart parts: a pipe in the home, which only its owner can open.

What goes through it is the environment of whoever asks, its secrets too: a pipe keeps nothing.
"""

from __future__ import annotations

import json
import os
import select
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from runfold.stack.errors import StackError

_READ_BYTES = 65_536
_MOST_BYTES = 16_000_000
_WRITE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Order:
    """Restart these parts, one after another, with this environment."""

    id: str
    parts: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)


class Mailbox:
    """The end of the pipe that the supervisor reads."""

    def __init__(self, file: Path) -> None:
        file.unlink(missing_ok=True)
        os.mkfifo(file, 0o600)
        # Open for writing as well: it has no end when the last writer is gone.
        self.descriptor = os.open(file, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._read = bytearray()

    def take(self) -> list[Order]:
        """Return the orders that have arrived whole; what is none is dropped."""
        with suppress(BlockingIOError):
            while data := os.read(self.descriptor, _READ_BYTES):
                self._read += data
        *lines, rest = bytes(self._read).split(b"\n")
        self._read = bytearray(rest if len(rest) <= _MOST_BYTES else b"")
        return [order for line in lines if (order := _order(line)) is not None]


def send(file: Path, order: Order) -> None:
    """Hand an order to the supervisor that reads the pipe; raises StackError where none does."""
    try:
        pipe = os.open(file, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise StackError(
            "The stack that runs here takes no orders; an older release may have started it: "
            "`runfold down`, then `runfold up`."
        ) from error
    try:
        # It begins with an end: half an order of somebody who was killed is no part of this one.
        left = memoryview(b"\n" + json.dumps(asdict(order)).encode() + b"\n")
        until = time.monotonic() + _WRITE_SECONDS
        while left:
            if not select.select([], [pipe], [], max(0.0, until - time.monotonic()))[1]:
                raise StackError("The supervisor does not listen: see its log.")
            with suppress(BlockingIOError):
                left = left[os.write(pipe, left[:4096]) :]
    finally:
        os.close(pipe)


def _order(line: bytes) -> Order | None:
    try:
        said = json.loads(line)
        environment = {str(name): str(value) for name, value in said["environment"].items()}
        return Order(str(said["id"]), tuple(map(str, said["parts"])), environment)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
