"""The processes of one module of tools: its nursery, and a worker that waits for the next call."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections import deque

from runfold.processors.tool.children.importing import Importing
from runfold.processors.tool.children.link import BrokenLinkError, Link
from runfold.processors.tool.children.lives import Alone, Forked
from runfold.processors.tool.children.nursery import Nursery, Ready, ready_of
from runfold.processors.tool.children.output import Output
from runfold.processors.tool.children.refusals import unavailable
from runfold.processors.tool.children.settings import ChildSettings
from runfold.processors.tool.children.starting import start
from runfold.processors.tool.children.worker import Worker
from runfold.processors.tool.errors import ToolRefusedError

log = logging.getLogger(__name__)

_AHEAD = 1


class Module:
    """Gives each call a worker of its own, which ends with it.

    Workers are made by tasks of the module, one for each call that waits and one ahead: a call that
    gives up leaves its worker to the next, and no process is without somebody who ends it.
    """

    def __init__(self, name: str, settings: ChildSettings) -> None:
        self.name = name
        self._settings = settings
        self._idle: deque[Worker] = deque()
        self._waiting: deque[asyncio.Future[Worker]] = deque()
        self._making: set[asyncio.Task[None]] = set()
        self._ending: set[asyncio.Task[bool]] = set()
        self._nursery: Nursery | None = None
        self._importing = Importing(name, self._started)

    async def ready(self) -> Ready:
        """Have the module imported; raises ToolRefusedError where that fails, or takes long."""
        ready = self._importing.ready
        if ready is None or not self._served(ready):
            ready = await self._importing.wait()
        return ready

    @property
    def fault(self) -> str:
        """Why it could not be imported, "" where it was, or was not tried yet."""
        return self._importing.fault

    @property
    def waits(self) -> bool:
        """Whether nobody knows yet if it can be imported."""
        return self._importing.waits

    def tried_again_in_s(self) -> float:
        """Return for how long a failed import is not tried again."""
        return self._importing.tried_again_in_s()

    async def digest(self) -> str | None:
        """Return the digest of the code that calls run, None where there is no source."""
        assert self._nursery is not None
        return await self._nursery.digest()

    async def take(self) -> Worker:
        """Return a worker for one call; raises ToolRefusedError where there is none."""
        await self.ready()
        waiting: asyncio.Future[Worker] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        while self._idle and not waiting.done():
            self._offer(self._idle.popleft())
        self._make()
        try:
            return await waiting
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled() and waiting.exception() is None:
                self._offer(waiting.result())
            raise
        finally:
            if waiting in self._waiting:
                self._waiting.remove(waiting)

    def give_back(self, worker: Worker) -> None:
        """End a worker after its call; nobody waits for that: the call has its answer."""
        worker.kill()
        ending = asyncio.create_task(worker.end())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    async def sweep(self, before: float) -> None:
        """End the workers that had nothing to do since a moment of the monotonic clock."""
        while self._idle and self._idle[0].since < before:
            await self._idle.popleft().end()

    async def close(self) -> None:
        """End every process of the module that serves no call."""
        for making in self._making:
            making.cancel()
        await asyncio.gather(*self._making, return_exceptions=True)
        await self._importing.close()
        while self._idle:
            await self._idle.popleft().end()
        await asyncio.gather(*self._ending)
        if self._nursery is not None:
            self._nursery.kill()
            await self._nursery.gone()

    def _served(self, ready: Ready) -> bool:
        return not ready.forks or (self._nursery is not None and self._nursery.alive)

    def _make(self) -> None:
        """Have as many workers under way as are waited for, and one ahead."""
        missing = len(self._waiting) + _AHEAD - len(self._idle) - len(self._making)
        for _ in range(missing):
            making = asyncio.create_task(self._made())
            self._making.add(making)
            making.add_done_callback(self._making.discard)

    async def _made(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            ready = await self.ready()
            worker = await self._forked() if ready.forks else await self._alone()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what a call waits for
            self._making.discard(task)
            self._fail(error)
            return
        self._making.discard(task)
        extra = {"pid": os.getpid(), "child": worker.pid}
        log.info("a worker was started for %s", self.name, extra=extra)
        self._offer(worker)

    def _offer(self, worker: Worker) -> None:
        """Give a worker to the call that has waited longest, or keep it for the next."""
        if not worker.usable:
            self.give_back(worker)
            if self._waiting:
                self._make()
            return
        worker.since = time.monotonic()
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(worker)
                return
        self._idle.append(worker)

    def _fail(self, error: Exception) -> None:
        if not isinstance(error, ToolRefusedError):
            log.error("no worker was started for %s", self.name, exc_info=error)
            error = unavailable(self.name, type(error).__name__)
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_exception(error)
                return

    async def _started(self) -> Ready:
        if self._nursery is not None:
            await self._nursery.gone()
        started = start(self.name, self._settings)
        output = Output(started.output, self.name)
        self._nursery = Nursery(self.name, started.process, started.channel, output)
        try:
            ready = await self._nursery.ready(self._settings.import_s)
        except BaseException:
            self._nursery.kill()
            raise
        if not ready.forks:
            log.warning(
                "%s holds %s after its import, so it is imported again for each call; "
                "let its functions import or open what does that",
                self.name,
                ready.holds or "something",
            )
            # What it was asked for it must say before it goes.
            await self._nursery.digest()
            self._nursery.kill()
        return ready

    async def _forked(self) -> Worker:
        nursery = self._nursery
        assert nursery is not None
        ours, theirs = socket.socketpair()
        read, write = os.pipe()
        try:
            with theirs:
                life = await nursery.fork(theirs, write)
        except BaseException:
            ours.close()
            os.close(read)
            raise
        finally:
            os.close(write)
        return await _joined(life, Link(), ours, Output(read, self.name))

    async def _alone(self) -> Worker:
        started = start(self.name, self._settings, worker=True)
        link = Link(greets=True)
        output = Output(started.output, self.name)
        worker = await _joined(Alone(started.process), link, started.channel, output)
        try:
            async with asyncio.timeout(self._settings.import_s):
                ready_of(self.name, await link.greeting())
        except BaseException as error:
            self.give_back(worker)
            if isinstance(error, BrokenLinkError | TimeoutError):
                raise unavailable(self.name, "it did not start") from error
            raise
        return worker


async def _joined(
    life: Forked | Alone, link: Link, channel: socket.socket, output: Output
) -> Worker:
    """Return a worker that is spoken to over a channel; nobody is left behind if that fails."""
    worker = Worker(life, link, output)
    try:
        channel.setblocking(False)
        await asyncio.get_running_loop().create_unix_connection(lambda: link, sock=channel)
    except BaseException:
        worker.kill()
        output.close()
        channel.close()
        raise
    return worker
