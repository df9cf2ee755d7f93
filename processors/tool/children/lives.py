"""The life of a worker's process, held by its parent: killed here, and known to be over."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from runfold.processors.tool.children.ends import kill_group, waited_for

_WORDS_S = 1.0


class Forked:
    """A worker that a nursery forked.

    The nursery can say how it ended, but a tool can stop the nursery: that it is over is known
    from the system, by a handle that no other process takes the place of. ``busy`` says that it
    makes a call, ``innocent`` that it was ended and may not be the cause.
    """

    def __init__(self, pid: int, nursery: int) -> None:
        self.pid = pid
        self.busy = self.innocent = False
        self._loop = asyncio.get_running_loop()
        self._over: asyncio.Future[None] = self._loop.create_future()
        self._words: asyncio.Future[str] = self._loop.create_future()
        self._handle = _handle(pid, nursery)
        if self._handle is not None:
            self._loop.add_reader(self._handle, self._ended)

    def kill(self) -> None:
        """Kill it and its group, unless it was waited for: then its number is not its own."""
        if not self._over.done():
            self._kill_group()
            with suppress(ProcessLookupError, PermissionError):
                if self._handle is not None:
                    signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    async def over(self) -> None:
        """Wait until the system says so, or its nursery where the system does not."""
        await asyncio.shield(self._over)

    async def words(self) -> str:
        """Return what its nursery says of it, if it says so in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_WORDS_S):
                return await asyncio.shield(self._words)
        return "in a way that nobody saw"

    def said(self, words: str) -> None:
        """Take the words of its nursery, which waited for it."""
        if not self._words.done():
            self._words.set_result(words)
        if self._handle is None:
            self._ended()

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            if self._handle is not None:
                signal.pidfd_send_signal(self._handle, 0)
            os.killpg(self.pid, signal.SIGKILL)

    def _ended(self) -> None:
        if self._handle is not None:
            # Its nursery does that as well, unless somebody stopped it.
            self._kill_group()
            self._loop.remove_reader(self._handle)
            os.close(self._handle)
            self._handle = None
        if not self._over.done():
            self._over.set_result(None)


class Alone:
    """A worker that was started by itself, because its module cannot be copied."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.pid = process.pid
        self.busy = self.innocent = False
        self._process = process

    def kill(self) -> None:
        """Kill it."""
        kill_group(self._process)

    async def over(self) -> None:
        """Wait for its end."""
        await waited_for(self._process)

    async def words(self) -> str:
        """Return what the system says."""
        return await waited_for(self._process)


def _handle(pid: int, parent: int) -> int | None:
    """Return a handle of a child of a process; raises ProcessLookupError where it is none.

    None where the system has no such handles.
    """
    if not hasattr(os, "pidfd_open"):
        return None
    handle = os.pidfd_open(pid)
    try:
        # Whoever runs code of others does not choose whom this process kills.
        found = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        if int(found.rpartition(")")[2].split()[1]) != parent:
            raise ProcessLookupError(pid)
    except BaseException as error:
        os.close(handle)
        if isinstance(error, OSError | ValueError | IndexError):
            raise ProcessLookupError(pid) from error
        raise
    return handle
