"""The nursery of one module, as its parent sees it: started, asked to fork, told to kill."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from runfold.infra.process.frames import Frame, FrameError, Frames, packed
from runfold.processors.tool.children.ends import ended_by, kill_group, waited_for
from runfold.processors.tool.children.lives import Forked
from runfold.processors.tool.children.output import Output
from runfold.processors.tool.children.refusals import refused, unavailable
from runfold.processors.tool.errors import ToolRefusedError

_READ_BYTES = 64 * 1024
_FORK_S = 20.0
_NOTICED_S = 20.0
_AT_ONCE = 0.0
_BY_ITSELF_S = 1.0


@dataclass(frozen=True, slots=True)
class Ready:
    """An imported module, and whether its process can be copied.

    ``holds`` says in words what stands against that. ``tools`` are its functions that are marked
    as tools, each with the milliseconds that its reconciler may take, None where it has none.
    """

    forks: bool
    tools: Mapping[str, int | None]
    holds: str = ""


def ready_of(module: str, said: Frame) -> Ready:
    """Return what a child said of its module; raises ToolRefusedError where it is not there."""
    try:
        found = json.loads(said.body) if said.kind == "ready" else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise refused(f"{said.text('message') or module + ' cannot be imported'}.")
    tools = {
        name: limit if isinstance(limit, int) else None
        for name, limit in found.items()
        if limit is None or isinstance(limit, int)
    }
    return Ready(said.head.get("forks") is True, tools, said.text("holds", 500))


class Nursery:
    """One process that holds an imported module; everything it forked ends with it."""

    def __init__(
        self, module: str, process: subprocess.Popen[bytes], control: socket.socket, output: Output
    ) -> None:
        self.module = module
        self.alive = True
        self._process = process
        self._control = control
        self._output = output
        self._frames = Frames()
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._said: asyncio.Future[Frame] = loop.create_future()
        self._forked: asyncio.Future[Frame] | None = None
        self._forking = asyncio.Lock()
        self._forks = 0
        self._digest: asyncio.Future[Frame] | None = None
        self._lives: dict[int, Forked] = {}
        self._newest: Forked | None = None
        self._hearing: set[asyncio.Task[None]] = set()
        self._gone: asyncio.Task[str] | None = None
        control.setblocking(False)
        loop.add_reader(control, self._read)

    async def ready(self, within_s: float) -> Ready:
        """Wait for the module to be imported; raises ToolRefusedError where it cannot be."""
        try:
            async with asyncio.timeout(within_s):
                said = await asyncio.shield(self._said)
        except TimeoutError:
            self.kill()
            raise refused(f"{self.module} was not imported within {within_s:g} s.") from None
        if said.kind == "lost" and self._gone is not None:
            raise refused(f"{self.module} was not imported: its process ended {await self._gone}.")
        try:
            return ready_of(self.module, said)
        except ToolRefusedError:
            self.kill()
            raise

    async def fork(self, channel: socket.socket, output: int) -> Forked:
        """Fork a worker with these ends and return its life; raises ToolRefusedError."""
        async with self._forking:
            if not self.alive:
                raise unavailable(self.module, "its process is gone")
            self._forked = self._loop.create_future()
            self._forks += 1
            try:
                data = packed(Frame({"kind": "fork", "number": self._forks}))
                socket.send_fds(self._control, [data], [channel.fileno(), output])
                async with asyncio.timeout(_FORK_S):
                    told = await self._forked
            except (OSError, TimeoutError) as error:
                # Whatever it did not answer, it would answer the next one with.
                self.kill()
                raise unavailable(self.module, type(error).__name__) from error
            life, self._newest = self._newest, None
        if life is None:
            raise unavailable(self.module, told.text("message", 200) or "it ended at once")
        return life

    async def digest(self) -> str | None:
        """Return the digest of the code that was imported; raises ToolRefusedError."""
        if self._digest is None and not self.alive:
            raise unavailable(self.module, "its process is gone")
        if self._digest is None:
            self._digest = self._loop.create_future()
            with suppress(OSError):
                self._control.send(packed(Frame({"kind": "digest"})))
        said = await asyncio.shield(self._digest)
        if said.kind != "digest":
            raise unavailable(self.module, "its process is gone")
        return said.text("digest") or None

    def kill(self) -> None:
        """Kill the nursery and, with it, its workers."""
        if self.alive:
            self._end(_AT_ONCE)

    async def gone(self) -> None:
        """Wait until a killed one is no more."""
        if self._gone is not None:
            await self._gone

    def _read(self) -> None:
        try:
            data = self._control.recv(_READ_BYTES)
            for frame in self._frames.take(data):
                self._take(frame)
        except BlockingIOError:
            return
        except (OSError, FrameError):
            data = b""
        if not data and self.alive:
            self._end(_BY_ITSELF_S)

    def _take(self, frame: Frame) -> None:
        match frame.kind:
            case "ready" | "fault" if not self._said.done():
                self._said.set_result(frame)
            case "forked" | "unforked":
                self._take_fork(frame)
            case "digest" if self._digest is not None and not self._digest.done():
                self._digest.set_result(frame)
            case "ended":
                life = self._lives.pop(frame.number("pid") or 0, None)
                if life is not None:
                    life.said(ended_by(frame.number("code")))
            case _:
                raise FrameError(frame.kind)

    def _take_fork(self, frame: Frame) -> None:
        """Take a worker, unless nobody waits for it any more: it finds its channel closed."""
        asked = self._forked
        if asked is None or asked.done() or frame.number("number") != self._forks:
            return
        pid = frame.number("pid")
        if pid is not None:
            with suppress(OSError):
                self._newest = self._lives[pid] = Forked(pid, self._process.pid)
                self._hear(self._newest)
        asked.set_result(frame)

    def _hear(self, life: Forked) -> None:
        """Expect this process to notice that a worker ended; one that does not is ended itself."""

        async def noticed() -> None:
            await life.over()
            await asyncio.sleep(_NOTICED_S)
            if self.alive and self._lives.get(life.pid) is life:
                self.kill()

        hearing = self._loop.create_task(noticed())
        self._hearing.add(hearing)
        hearing.add_done_callback(self._hearing.discard)

    def _end(self, by_itself_s: float) -> None:
        self.alive = False
        self._gone = self._loop.create_task(self._buried(by_itself_s))
        self._loop.remove_reader(self._control)
        self._control.close()
        lost = Frame({"kind": "lost", "message": "its process ended"})
        for waiting in (self._said, self._forked, self._digest):
            if waiting is not None and not waiting.done():
                waiting.set_result(lost)
        # They could have seen to it that the system does not end them with this process.
        busy = [life for life in self._lives.values() if life.busy]
        for life in self._lives.values():
            # With one call there is no question whose fault it was.
            life.innocent = len(busy) > 1
            life.kill()
            life.said("with the process that held its module")
        for hearing in self._hearing:
            hearing.cancel()

    async def _buried(self, by_itself_s: float) -> str:
        """Wait for the end of the process, insist on it, and return the words for it."""
        try:
            async with asyncio.timeout(by_itself_s):
                return await waited_for(self._process)
        except TimeoutError:
            kill_group(self._process)
            return await waited_for(self._process)
        finally:
            self._output.close()
