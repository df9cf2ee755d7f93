"""How a process in a peer's own environment is told what to do: lines of JSON; standard library.

It reads one command a line, ``{"runs": [id, …], "goal": …, "at_once": n, …}``, writes
``{"ready": true}`` once, and ``{"done": id, "s": seconds}`` for each run that has ended. It ends
when its input does.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

Run = Callable[[str, dict[str, Any]], Awaitable[object]]


async def serve(run: Run) -> None:
    """Make the runs of every command, at most ``at_once`` of each, until the input ends."""
    loop = asyncio.get_running_loop()
    commands: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(commands.put_nowait, json.loads(line))
        loop.call_soon_threadsafe(commands.put_nowait, None)

    threading.Thread(target=read, daemon=True).start()
    say({"ready": True})
    under_way: set[asyncio.Task[None]] = set()
    while (command := await commands.get()) is not None:
        task = asyncio.create_task(_all(run, command))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    # Threads of a library may live on, and nobody is left to listen.
    os._exit(0)


def say(message: dict[str, Any]) -> None:
    """Write one line at once."""
    os.write(1, json.dumps(message).encode() + b"\n")


async def _all(run: Run, command: dict[str, Any]) -> None:
    runs = iter(command["runs"])

    async def one_after_another() -> None:
        for run_id in runs:
            began = time.perf_counter()
            try:
                await run(run_id, command)
            except Exception as error:  # noqa: BLE001 - it is told
                say({"failed": run_id, "why": f"{type(error).__name__}: {error}"[:300]})
            else:
                say({"done": run_id, "s": time.perf_counter() - began})

    await asyncio.gather(*(one_after_another() for _ in range(command["at_once"])))
