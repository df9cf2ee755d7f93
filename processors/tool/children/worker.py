"""One worker, as its parent sees it: it makes one call, and is killed after it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress

from runfold.infra.artifacts.errors import ArtifactDamagedError, ArtifactError, ArtifactMissingError
from runfold.infra.process.frames import MOST_BODY, Frame
from runfold.processors.tool.children.link import BrokenLinkError, Link
from runfold.processors.tool.children.lives import Alone, Forked
from runfold.processors.tool.children.output import Output
from runfold.processors.tool.children.refusals import unavailable
from runfold.processors.tool.context import ToolContext
from runfold.processors.tool.errors import ToolDiedError, ToolLivesError
from runfold.processors.tool.python.threads import in_thread

log = logging.getLogger(__name__)

_BY_ITSELF_S = 1.0
_KILLED_S = 5.0


class Worker:
    """A process and its channel; ``usable`` says whether it may serve its call."""

    def __init__(self, life: Forked | Alone, link: Link, output: Output) -> None:
        self.since = 0.0
        self._life = life
        self._link = link
        self._output = output
        self._asking: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._life.pid

    @property
    def usable(self) -> bool:
        """Whether it is there."""
        return not self._link.broken

    async def call(self, frame: Frame, context: ToolContext, masks: Iterable[str]) -> Frame:
        """Make the call and return the answer; raises ToolDiedError where the process ended.

        Where the caller gives up, the process is killed, and is gone before that is passed on:
        after a time-out nothing happens any more. Raises ToolLivesError where it does not go.
        """
        if not self.usable:
            raise unavailable("The tool", "the one it had is gone")
        call = f"{context.call_id}/{context.attempt}"
        self._life.busy = True
        self._output.begin(call, (*context.secrets.values(), *masks))
        try:
            return await self._link.call(frame, lambda asked: self._asked(asked, context))
        except BrokenLinkError:
            raise await self._death() from None
        except asyncio.CancelledError:
            if await self.end():
                raise
            raise ToolLivesError from None
        finally:
            self.kill()
            self._output.close()

    def kill(self) -> None:
        """End the process now, without waiting for that."""
        self._life.kill()
        self._link.close()

    async def end(self) -> bool:
        """End the process and wait for that; False where the system does not let it go in time."""
        self.kill()
        try:
            async with asyncio.timeout(_KILLED_S):
                await self._life.over()
        except TimeoutError:
            log.warning("process %d of a tool was killed and is not gone", self.pid)
            return False
        finally:
            self._output.close()
        return True

    async def _death(self) -> ToolDiedError | ToolLivesError:
        """Return what came of a process whose channel broke; it is gone then, or said not to be."""
        how = "by Runfold, because it spoke out of turn"
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_BY_ITSELF_S):
                    await self._life.over()
                    how = await self._life.words()
        except asyncio.CancelledError:
            # Its time is over as well, so all that is left to do is to end it.
            if not await self.end():
                raise ToolLivesError from None
            raise
        if not await self.end():
            return ToolLivesError()
        return ToolDiedError(how, blamed=not self._life.innocent)

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
