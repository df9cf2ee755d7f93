"""One worker, as its parent sees it: it makes one call at a time, and is killed to end one."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from typing import Protocol

from runfold.infra.artifacts.errors import ArtifactDamagedError, ArtifactError, ArtifactMissingError
from runfold.processors.tool.children.ends import kill_group, waited_for
from runfold.processors.tool.children.frames import MOST_BODY, Frame
from runfold.processors.tool.children.link import BrokenLinkError, Link
from runfold.processors.tool.children.nursery import Nursery
from runfold.processors.tool.children.output import Output
from runfold.processors.tool.children.refusals import unavailable
from runfold.processors.tool.context import ToolContext
from runfold.processors.tool.errors import ToolDiedError
from runfold.processors.tool.python.threads import in_thread

_BY_ITSELF_S = 1.0
_KILLED_S = 5.0


class Ending(Protocol):
    """The life of a worker's process."""

    pid: int

    def kill(self) -> None:
        """Kill it, with all that it started."""
        ...

    async def ended(self) -> str:
        """Wait for its end and return the words for it."""
        ...


class Forked:
    """A worker that a nursery forked; only the nursery can wait for it."""

    def __init__(self, nursery: Nursery, pid: int, end: asyncio.Future[str]) -> None:
        self.pid = pid
        self._nursery = nursery
        self._end = end

    def kill(self) -> None:
        """Have it killed."""
        self._nursery.kill_worker(self.pid)

    async def ended(self) -> str:
        """Wait until the nursery says so, or ends itself."""
        return await asyncio.shield(self._end)


class Alone:
    """A worker that was started by itself, because its module cannot be copied."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.pid = process.pid
        self._process = process

    def kill(self) -> None:
        """Kill it."""
        kill_group(self._process)

    async def ended(self) -> str:
        """Wait for its end."""
        return await waited_for(self._process)


class Worker:
    """A process and its channel; ``usable`` says whether it may serve another call."""

    def __init__(self, life: Ending, link: Link, output: Output) -> None:
        self.since = 0.0
        self._life = life
        self._link = link
        self._output = output
        self._spent = False
        self._asking: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._life.pid

    @property
    def usable(self) -> bool:
        """Whether it is there, and as it was when it began."""
        return not self._spent and not self._link.broken

    async def call(self, frame: Frame, context: ToolContext, masks: Iterable[str]) -> Frame:
        """Make a call and return the answer; raises ToolDiedError where the process ended.

        Where the caller gives up, the process is killed, and is gone before that is passed on:
        after a time-out nothing happens any more.
        """
        if not self.usable:
            raise unavailable("The tool", "the one it had is gone")
        call = f"{context.call_id}/{context.attempt}"
        self._output.begin(call, (*context.secrets.values(), *masks))
        done = False
        try:
            answer = await self._link.call(frame, lambda asked: self._asked(asked, context))
            done = True
        except BrokenLinkError:
            raise ToolDiedError(await self._how()) from None
        finally:
            if not done:
                await self.end()
            self._output.drain()
        self._spent = answer.head.get("spent") is not False
        return answer

    def kill(self) -> None:
        """End the process now, without waiting for that."""
        self._spent = True
        self._life.kill()
        self._link.close()

    async def end(self) -> None:
        """End the process and wait until it is gone, if the system lets it go in time."""
        self.kill()
        with suppress(TimeoutError):
            async with asyncio.timeout(_KILLED_S):
                await self._life.ended()
        self._output.close()

    async def _how(self) -> str:
        """Return how a process ended whose channel broke."""
        try:
            async with asyncio.timeout(_BY_ITSELF_S):
                return await self._life.ended()
        except TimeoutError:
            return "by Runfold, because it spoke out of turn"

    def _asked(self, frame: Frame, context: ToolContext) -> None:
        if self._asking is not None and not self._asking.done():
            # One that asks again before it was answered is no worker of ours any more.
            self._link.close()
            return
        self._asking = asyncio.create_task(self._serve(frame, context))

    async def _serve(self, frame: Frame, context: ToolContext) -> None:
        store, tenant_id = context.artifacts, context.tenant_id
        try:
            if frame.kind == "get":
                data = await in_thread(store.get, frame.text("ref"), tenant_id)
                if len(data) > MOST_BODY:
                    answer = _away(f"it has {len(data)} bytes; {MOST_BODY} are fetched at once")
                else:
                    answer = Frame({"kind": "bytes"}, data)
            else:
                media_type = frame.text("media_type", 1000)
                kept = await in_thread(store.put, frame.body, media_type, tenant_id)
                head = {"ref": kept.ref, "digest": kept.digest.hex(), "size": kept.size}
                answer = Frame({"kind": "kept", "media_type": kept.media_type, **head})
        except ArtifactMissingError:
            answer = Frame({"kind": "missing"})
        except ArtifactDamagedError as error:
            answer = Frame({"kind": "damaged", "message": str(error)[:1000]})
        except ArtifactError as error:
            answer = _away(str(error)[:1000])
        except Exception as error:  # noqa: BLE001 - a store that breaks is the call's error
            answer = _away(type(error).__name__)
        self._link.send(answer)


def _away(message: str) -> Frame:
    return Frame({"kind": "away", "message": message})
