"""How a process ended, in words."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from contextlib import suppress

_PAUSE_S = 0.01


def ended_by(code: int | None) -> str:
    """Return the words for an exit code, negative for a signal, as in "was ended …"."""
    if code is None:
        return "in a way that nobody saw"
    if code >= 0:
        return f"with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    if -code == signal.SIGKILL:
        return f"by {name}, as happens where memory runs out"
    return f"by {name}"


async def waited_for(process: subprocess.Popen[bytes]) -> str:
    """Wait for the end of a process and return the words for it."""
    while (code := process.poll()) is None:  # noqa: ASYNC110 - the system sets no event
        await asyncio.sleep(_PAUSE_S)
    return ended_by(code)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that leads a group, with the group; nothing where it was waited for."""
    # Only as long as nobody waited for it is its number its own.
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
