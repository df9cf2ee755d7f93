"""Hands what is on the log to the agent: read on a thread of its own, taken on the loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from runfold.processors.monitor.shell.company import Company
from runfold.processors.monitor.shell.intake import Intake
from runfold.processors.monitor.shell.reading import Following
from runfold.producers.errors import UnavailableError

_POLL_S = 0.5

_log = logging.getLogger("runfold.processors.monitor")


async def feed(
    kafka: Mapping[str, str],
    intake: Intake,
    partitions: int,
    put: Callable[[Any], Any],
    joined: Callable[[], None],
) -> None:
    """Put what follows the intake's positions, in lists, until cancelled; raises a LogError.

    ``put`` waits while the agent is busy, so that no more than a few lists are held.
    """
    loop = asyncio.get_running_loop()
    thread = ThreadPoolExecutor(1, "monitor-reader")
    company = Company(kafka, partitions, partial(loop.call_soon_threadsafe, joined))
    following = Following(kafka, intake.positions)

    def taken() -> list[Any]:
        company.look()
        return list(following.take(_POLL_S))

    def leave() -> None:
        company.close()
        following.close()

    try:
        while True:
            try:
                found = await loop.run_in_executor(thread, taken)
            except UnavailableError as error:
                _log.warning("%s", error)
                await asyncio.sleep(_POLL_S)
                continue
            if found:
                await put(found)
    finally:
        thread.submit(leave)
        thread.shutdown(wait=False)
