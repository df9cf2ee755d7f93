"""The processes of one module of tools: its nursery, and the workers that wait for a call."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections import deque

from runfold.processors.tool.children.link import BrokenLinkError, Link
from runfold.processors.tool.children.nursery import Nursery, Ready, ready_of
from runfold.processors.tool.children.output import Output
from runfold.processors.tool.children.refusals import unavailable
from runfold.processors.tool.children.settings import ChildSettings
from runfold.processors.tool.children.starting import start
from runfold.processors.tool.children.worker import Alone, Forked, Worker
from runfold.processors.tool.errors import ToolRefusedError

log = logging.getLogger(__name__)

_AGAIN_S = 5.0


class Module:
    """Gives each call a worker that serves nobody else meanwhile."""

    def __init__(self, name: str, settings: ChildSettings) -> None:
        self.name = name
        self._settings = settings
        self._idle: deque[Worker] = deque()
        self._ending: set[asyncio.Task[None]] = set()
        self._nursery: Nursery | None = None
        self._ready: Ready | None = None
        self._starting = asyncio.Lock()
        self._fault: tuple[float, ToolRefusedError] | None = None

    async def ready(self) -> Ready:
        """Have the module imported; raises ToolRefusedError where that fails.

        A module that failed is tried again after some seconds, not with each call.
        """
        if self._ready is not None and self._served:
            return self._ready
        async with self._starting:
            if self._ready is not None and self._served:
                return self._ready
            if self._fault is not None and time.monotonic() < self._fault[0]:
                raise ToolRefusedError(**self._fault[1].info.model_dump())
            try:
                self._ready = await self._started()
            except ToolRefusedError as refusal:
                self._fault = (time.monotonic() + _AGAIN_S, refusal)
                raise
            self._fault = None
            return self._ready

    async def digest(self) -> str | None:
        """Return the digest of the code that calls run, None where there is no source."""
        assert self._nursery is not None
        return await self._nursery.digest()

    async def take(self) -> Worker:
        """Return a worker for one call; raises ToolRefusedError where there is none."""
        while self._idle:
            worker = self._idle.pop()
            if worker.usable:
                return worker
            await worker.end()
        ready = await self.ready()
        worker = await self._forked() if ready.forks else await self._alone()
        extra = {"pid": os.getpid(), "child": worker.pid}
        log.info("a worker was started for %s", self.name, extra=extra)
        return worker

    def give_back(self, worker: Worker) -> None:
        """Take a worker back after its call."""
        if worker.usable:
            worker.since = time.monotonic()
            self._idle.append(worker)
        else:
            # Nobody waits for that: the call has its answer.
            ending = asyncio.create_task(worker.end())
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)

    async def sweep(self, before: float) -> None:
        """End the workers that had nothing to do since a moment of the monotonic clock."""
        while self._idle and self._idle[0].since < before:
            await self._idle.popleft().end()

    async def close(self) -> None:
        """End every process of the module that serves no call."""
        while self._idle:
            await self._idle.popleft().end()
        await asyncio.gather(*self._ending)
        if self._nursery is not None:
            self._nursery.kill()
            await self._nursery.gone()

    @property
    def _served(self) -> bool:
        assert self._ready is not None
        return not self._ready.forks or (self._nursery is not None and self._nursery.alive)

    async def _started(self) -> Ready:
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
                "%s holds threads, files or connections after it was imported, so each of its "
                "workers imports it again",
                self.name,
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
                pid, end = await nursery.fork(theirs, write)
        except BaseException:
            ours.close()
            os.close(read)
            raise
        finally:
            os.close(write)
        return await _joined(Forked(nursery, pid, end), Link(), ours, Output(read, self.name))

    async def _alone(self) -> Worker:
        started = start(self.name, self._settings, worker=True)
        link = Link(greets=True)
        output = Output(started.output, self.name)
        worker = await _joined(Alone(started.process), link, started.channel, output)
        try:
            async with asyncio.timeout(self._settings.import_s):
                ready_of(self.name, await link.greeting())
        except (BrokenLinkError, TimeoutError) as error:
            await worker.end()
            raise unavailable(self.name, "it did not start") from error
        except BaseException:
            await worker.end()
            raise
        return worker


async def _joined(
    life: Forked | Alone, link: Link, channel: socket.socket, output: Output
) -> Worker:
    channel.setblocking(False)
    await asyncio.get_running_loop().create_unix_connection(lambda: link, sock=channel)
    return Worker(life, link, output)
