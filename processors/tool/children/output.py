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
_PAUSE_S = 0.01

Emit = Callable[[str], None]


class Output:
    """Reads one end of a pipe and logs each line, so many in all.

    A turn of the loop reads ``_READ_BYTES`` at most, and so does ``close``: whoever holds the other
    end, a process that a call left too, may write for ever, and nobody waits for the end of that.
    Lines beyond the bound are counted, not looked at.
    """

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

    def close(self) -> None:
        """Log what a pipe holds now, a last line without its end too, and read no more."""
        if self._end < 0:
            return
        self._read()
        self._loop.remove_reader(self._end)
        os.close(self._end)
        self._end = -1
        if self._held:
            self._emit(self._held)
            self._held = b""
        if self._lines > _MOST_LINES:
            self._say(f"and {self._lines - _MOST_LINES} more lines")

    def _read(self) -> None:
        try:
            data = os.read(self._end, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._loop.remove_reader(self._end)
        elif self._lines >= _MOST_LINES:
            self._lines += data.count(b"\n")
            self._held = b""
            # It is only thrown away: let it wait, or it would take the time of all others.
            self._loop.remove_reader(self._end)
            self._loop.call_later(_PAUSE_S, self._resume)
        else:
            self._take(data)

    def _resume(self) -> None:
        if self._end >= 0:
            self._loop.add_reader(self._end, self._read)

    def _take(self, data: bytes) -> None:
        *lines, self._held = (self._held + data).split(b"\n")
        for line in lines[:_MOST_LINES]:
            self._emit(line)
        self._lines += len(lines[_MOST_LINES:])
        if len(self._held) > _LINE_BYTES:
            self._emit(self._held)
            self._held = b""

    def _emit(self, line: bytes) -> None:
        self._lines += 1
        if self._lines <= _MOST_LINES and line.strip():
            # Cut after masking: half a secret is still a secret.
            self._say(redacted(line.decode(errors="backslashreplace"), self._masks)[:_LINE_BYTES])

    def _say(self, text: str) -> None:
        extra = {"tool_call": self._call}
        self._context.run(log.info, "%s: %s", self._about, text, extra=extra)
