"""Modules of tools are imported when their process starts: what fails is said before a call is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from runfold.processors.tool.children.children import Children
from runfold.processors.tool.children.module import Module
from runfold.processors.tool.errors import ToolRefusedError
from runfold.processors.tool.metrics import FAULTY_MODULES

_LEAST_S = 0.1

log = logging.getLogger(__name__)


@asynccontextmanager
async def imported_at_start(children: Children) -> AsyncIterator[None]:
    """Have every module imported that tools may come from; enter it after the children.

    Nobody waits for it. One that fails is tried again, with the pauses that its calls would have
    to keep, so that what is mended, or was only away, is no fault any more.
    """
    FAULTY_MODULES().set_function(lambda: len(children.faults()))
    tasks = [asyncio.create_task(_import(module)) for module in children.modules_at_start()]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _import(module: Module) -> None:
    said = ""
    while True:
        try:
            await module.ready()
        except ToolRefusedError as refusal:
            # Once: a pool that runs for weeks with a broken module would fill its log.
            if refusal.info.message != said:
                said = refusal.info.message
                log.error("tools of %s do not work here: %s", module.name, said)  # noqa: TRY400
            await asyncio.sleep(max(_LEAST_S, module.tried_again_in_s()))
        else:
            if said:
                log.info("%s was imported, and its tools work", module.name)
            return
