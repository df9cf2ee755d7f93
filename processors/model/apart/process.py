"""Providers asked by a child process: its death, for whatever reason, costs the calls it had.

The child is started as soon as it is known that there will be calls, else by the first one, and
again by the first one after its death. The calls of a child that died fail with ``process_died``
and are made again by the ordinary rules.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Self

from runfold.events.calls import ModelResult, ModelWork
from runfold.infra.secrets.taking import environment_without_secrets
from runfold.processors.model.apart.frames import (
    MOST_ANSWER_BYTES,
    FrameError,
    Kind,
    parsed,
    read_frame,
    settings_to_bytes,
    to_bytes,
    written,
)
from runfold.processors.model.apart.outcomes import answer_of
from runfold.processors.model.deltas import Deltas, Tell, tell_of
from runfold.processors.model.providers.faults import PROCESS_DIED, ProviderFaultError
from runfold.processors.model.providers.settings import Provider
from runfold.processors.model.providers.wire import WireAnswer

_log = logging.getLogger(__name__)

GRACE_S = 15.0
"""Seconds beyond a call's own time after which a child that says nothing is taken for stuck."""

_LEAST_LIFE_S = 1.0
_PAUSE_S = 0.5


class Apart:
    """The configured providers, spoken to by a child process with its own bound of memory.

    Used from one event loop, on which it is also closed. ``memory_bytes`` is the address space
    that the child may have; ``soon`` says that calls will come, so that entering it as a context
    manager begins to start the child. ``grace_s`` is as ``GRACE_S`` says; ``deltas`` is told what
    models say while they answer.
    """

    def __init__(
        self,
        providers: Mapping[str, Provider],
        memory_bytes: int,
        *,
        soon: bool = False,
        grace_s: float = GRACE_S,
        deltas: Deltas | None = None,
    ) -> None:
        self._deltas = deltas
        self._settings = settings_to_bytes(
            providers.values(), memory_bytes, deltas=deltas is not None
        )
        keys = {provider.key_env for provider in providers.values()}
        inherited = environment_without_secrets()
        self._env = {name: value for name, value in inherited.items() if name not in keys}
        # Each arena of the allocator takes address space that nothing uses.
        self._env.setdefault("MALLOC_ARENA_MAX", "2")
        self._soon = soon
        self._grace_s = grace_s
        self._first: asyncio.Task[None] | None = None
        self._child: _Child | None = None
        self._starting = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The child's process id, None while there is none."""
        return self._child.pid if self._child is not None and self._child.lives else None

    async def answer(self, work: ModelWork, name: str, budget_s: float) -> WireAnswer:
        """Return the answer of ``provider:model``; ProviderFaultError for any fault."""
        alone = {"model": name, "fallbacks": (), "timeout_ms": max(1, int(budget_s * 1000))}
        asked = written(work.model_copy(update=alone))
        child = await self._living()
        started = time.monotonic()
        try:
            async with asyncio.timeout(budget_s + self._grace_s):
                payload = await child.ask(asked, tell_of(self._deltas, work, name))
        except TimeoutError as error:
            child.kill("it did not answer in time")
            said = f"the call did not end within {budget_s:.1f} s"
            raise ProviderFaultError("timeout", said) from error
        try:
            result = parsed(ModelResult, payload)
        except FrameError as error:
            child.kill(str(error))
            raise _died() from error
        return answer_of(result, started)

    async def __aenter__(self) -> Self:
        """Begin to start the child where it will be needed, and return at once."""
        if self._soon:
            self._first = asyncio.create_task(self._started())
        return self

    async def __aexit__(self, *_: object) -> None:
        """End the child."""
        await self.aclose()

    async def _started(self) -> None:
        with suppress(ProviderFaultError):
            await self._living()

    async def aclose(self) -> None:
        """End the child; the next call would start another one."""
        if self._first is not None:
            await self._first
        child, self._child = self._child, None
        if child is not None:
            await child.close()

    async def _living(self) -> _Child:
        async with self._starting:
            before = self._child
            if before is not None and before.lives:
                return before
            if before is not None and before.lived_s < _LEAST_LIFE_S:
                # One that dies as soon as it is started is not started in a loop.
                await asyncio.sleep(_PAUSE_S)
            self._child = await _Child.start(self._env, self._settings)
            return self._child


class _Child:
    """One life of the child, and the calls that wait for it."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._process = process
        self._writer = writer
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._told: dict[int, Tell] = {}
        self._born, self._died_at = time.monotonic(), 0.0
        self.lives = True
        self._listening = asyncio.create_task(self._listen(reader))

    @classmethod
    async def start(cls, env: Mapping[str, str], settings: bytes) -> _Child:
        """Start a child; raises ProviderFaultError where the system has no room for it."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = await asyncio.to_thread(_spawn, theirs.fileno(), env)
            reader, writer = await asyncio.open_connection(sock=ours)
        except OSError as error:
            ours.close()
            _log.exception("the process that makes model calls cannot be started")
            raise _died() from error
        writer.write(to_bytes(Kind.SETTINGS, 0, settings))
        return cls(process, reader, writer)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def lived_s(self) -> float:
        """How long it lived, in seconds."""
        return self._died_at - self._born

    async def ask(self, work: bytes, tell: Tell | None = None) -> bytes:
        """Return the payload of the answer to a call; raises ProviderFaultError if it dies."""
        number = next(self._numbers)
        if tell is not None:
            self._told[number] = tell
        found: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[number] = found
        try:
            if not self.lives:
                raise _died()
            self._writer.write(to_bytes(Kind.CALL, number, work))
            with suppress(ConnectionError):
                # That the channel broke is said by whoever listens.
                await self._writer.drain()
            return await found
        except asyncio.CancelledError:
            with suppress(OSError, RuntimeError):
                self._writer.write(to_bytes(Kind.GIVE_UP, number))
            raise
        finally:
            del self._waiting[number]
            self._told.pop(number, None)

    def kill(self, why: str) -> None:
        """End it at once; its calls fail."""
        if self.lives:
            _log.error("the process that makes model calls is ended: %s", why)
            self._process.kill()

    async def close(self) -> None:
        """End the channel, upon which the child ends, and wait for that."""
        self.lives = False
        self._writer.close()
        try:
            await asyncio.wait_for(asyncio.to_thread(self._process.wait, 2), 3)
        except (TimeoutError, subprocess.TimeoutExpired):
            self._process.kill()
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)
        self._fail_all()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while (frame := await read_frame(reader, MOST_ANSWER_BYTES)) is not None:
                if frame.kind is Kind.DELTA:
                    if tell := self._told.get(frame.number):
                        tell(frame.payload.decode("utf-8", "surrogatepass"))
                    continue
                waits = self._waiting.get(frame.number)
                if waits is not None and not waits.done():
                    waits.set_result(frame.payload)
        except FrameError as error:
            _log.warning("the process that makes model calls is not understood: %s", error)
        finally:
            told, self.lives = not self.lives, False
            self._died_at = time.monotonic()
            lost = self._fail_all()
            self._process.kill()
            if not told:
                ended = await asyncio.to_thread(self._process.wait)
                _log.error(
                    "the process that makes model calls has died",
                    extra={"exit_code": ended, "calls": lost},
                )
                self._writer.close()

    def _fail_all(self) -> int:
        open_ones = [each for each in self._waiting.values() if not each.done()]
        for each in open_ones:
            each.set_exception(_died())
        return len(open_ones)


def _spawn(descriptor: int, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        # Safe path: nothing that lies in the working directory is imported.
        [sys.executable, "-P", "-m", "runfold.processors.model.apart", str(descriptor)],
        stdin=subprocess.DEVNULL,
        pass_fds=(descriptor,),
        env=dict(env),
        # A signal to the group of its parent is not meant for it.
        start_new_session=True,
    )


def _died() -> ProviderFaultError:
    return ProviderFaultError(PROCESS_DIED, "the process that made the call died; nothing is known")
