"""What a child writes on its standard streams, as lines of the log: bounded, whoever wrote it."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterable
from contextvars import Context, copy_context

from runfold.processors.tool.secrets import redacted

log = logging.getLogger("runfold.tools.output")

_READ_BYTES = 64 * 1024
_LINE_BYTES = 2000
_MOST_LINES = 200

Emit = Callable[[str], None]


class Output:
    """Reads one end of a pipe and logs each line, so many for each call."""

    def __init__(self, end: int, about: str) -> None:
        os.set_blocking(end, False)
        self._end = end
        self._about = about
        self._call = ""
        # Not that of the call which happened to need a new process.
        self._context = Context()
        self._masks: tuple[str, ...] = ()
        self._held = b""
        self._lines = 0
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(end, self._read)

    def begin(self, call: str, masks: Iterable[str]) -> None:
        """Log what comes from now on as a call's, without the given texts."""
        self._call, self._masks, self._lines = call, tuple(masks), 0
        self._context = copy_context()

    def drain(self) -> None:
        """Log what was written up to now, a last line without its end too."""
        while self._read():
            pass
        if self._held:
            self._emit(self._held)
            self._held = b""
        if self._lines > _MOST_LINES:
            self._say(f"and {self._lines - _MOST_LINES} more lines")
        self._lines = 0

    def close(self) -> None:
        """Read no more."""
        if self._end >= 0:
            self.drain()
            self._loop.remove_reader(self._end)
            os.close(self._end)
            self._end = -1

    def _read(self) -> bool:
        if self._end < 0:
            return False
        try:
            data = os.read(self._end, _READ_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self._loop.remove_reader(self._end)
            return False
        *lines, self._held = (self._held + data).split(b"\n")
        for line in lines:
            self._emit(line)
        if len(self._held) > _LINE_BYTES:
            self._emit(self._held)
            self._held = b""
        return True

    def _emit(self, line: bytes) -> None:
        self._lines += 1
        if self._lines <= _MOST_LINES and line.strip():
            # Cut after masking: half a secret is still a secret.
            self._say(redacted(line.decode(errors="backslashreplace"), self._masks)[:_LINE_BYTES])

    def _say(self, text: str) -> None:
        extra = {"tool_call": self._call}
        self._context.run(log.info, "%s: %s", self._about, text, extra=extra)
