"""The child: ``python -m runfold.processors.model.apart <descriptor>``, started by ``process``.

It reads calls from the descriptor, asks the providers, and writes what came of them. It has its own
bound of memory, knows neither Kafka nor Postgres, and ends when the channel does.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
import socket
import sys
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from runfold.events.calls import ModelWork
from runfold.infra.logging.json_lines import JsonFormatter, log_to_stderr
from runfold.processors.model.apart.frames import (
    MOST_ANSWER_BYTES,
    Kind,
    parsed,
    read_frame,
    settings_from,
    to_bytes,
    written,
)
from runfold.processors.model.apart.outcomes import result_of
from runfold.processors.model.deltas import Tell
from runfold.processors.model.providers.faults import ProviderFaultError
from runfold.processors.model.providers.remote import Remote
from runfold.processors.model.providers.transport import Transport
from runfold.processors.model.providers.wire import WireAnswer

_log = logging.getLogger(__name__)

_OUT_OF_MEMORY = 3
_MOST_WAITING = 1_000_000
_LONGEST_PIECE = 100_000

_NUMBER: ContextVar[int] = ContextVar("number")
"""The number of the call that a task makes."""


class _Calls:
    """The calls in flight, by their numbers."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.remote: Remote
        self._writer = writer
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def begin(self, number: int, payload: bytes) -> None:
        task = asyncio.create_task(self._call(number, payload))
        self._tasks[number] = task
        task.add_done_callback(lambda _: self._tasks.pop(number, None))

    def give_up(self, number: int) -> None:
        if task := self._tasks.get(number):
            task.cancel()

    def asking(self, _work: ModelWork, _model: str) -> Tell:
        """Return what passes on the pieces of the answer to the call that is being made."""
        number = _NUMBER.get()
        transport = self._writer.transport

        def tell(text: str) -> None:
            # Nobody waits for a piece: where the channel is full, it is left out.
            if text and transport.get_write_buffer_size() < _MOST_WAITING:
                data = text[:_LONGEST_PIECE].encode("utf-8", "surrogatepass")
                self._writer.write(to_bytes(Kind.DELTA, number, data))

        return tell

    async def _call(self, number: int, payload: bytes) -> None:
        started = time.monotonic()
        work = parsed(ModelWork, payload)
        _NUMBER.set(number)
        answer = written(result_of(work, await self._asked(work), started))
        if len(answer) > MOST_ANSWER_BYTES:
            said = f"the answer takes {len(answer)} bytes, more than may be"
            answer = written(
                result_of(work, ProviderFaultError("malformed_response", said), started)
            )
        self._writer.write(to_bytes(Kind.ANSWER, number, answer))
        await self._writer.drain()

    async def _asked(self, work: ModelWork) -> WireAnswer | ProviderFaultError:
        try:
            return await self.remote.answer(work, work.model, work.timeout_ms / 1000)
        except ProviderFaultError as fault:
            return fault
        except MemoryError:
            said = "the answer needed more memory than the process that reads it may have"
            return ProviderFaultError("malformed_response", said)
        except Exception as error:  # noqa: BLE001 - the caller must be told, whatever it is
            _log.exception("a model call broke")
            said = f"the call broke: {type(error).__name__}"
            return ProviderFaultError("malformed_response", said)


async def _serve(channel: socket.socket) -> None:
    asyncio.get_running_loop().set_exception_handler(_broken)
    reader, writer = await asyncio.open_connection(sock=channel)
    first = await read_frame(reader)
    if first is None or first.kind is not Kind.SETTINGS:
        return
    providers, memory, deltas = settings_from(first.payload)
    keys = tuple(provider.key for provider in providers.values() if provider.key)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(JsonFormatter(keys))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    calls = _Calls(writer)
    transport = Transport(lambda: datetime.now(UTC))
    calls.remote = Remote(providers, transport, calls if deltas else None)
    while (frame := await read_frame(reader)) is not None:
        if frame.kind is Kind.CALL:
            calls.begin(frame.number, frame.payload)
        elif frame.kind is Kind.GIVE_UP:
            calls.give_up(frame.number)


def _broken(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """End where the loop itself lacks memory: what it was doing cannot be known any more."""
    if isinstance(context.get("exception"), MemoryError):
        os._exit(_OUT_OF_MEMORY)
    loop.default_exception_handler(context)


def main() -> None:
    """Serve until the channel ends."""
    # Whoever started it decides when it ends, and does so by ending the channel.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    log_to_stderr()
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        try:
            asyncio.run(_serve(channel))
        except MemoryError:
            os._exit(_OUT_OF_MEMORY)


if __name__ == "__main__":
    main()
