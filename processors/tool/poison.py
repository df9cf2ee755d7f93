"""Calls that end the process that makes them: made again a few times, alone, then no more."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

from runfold.events.calls import ToolWork
from runfold.events.values import ErrorInfo
from runfold.processors.tool.deaths import Deaths
from runfold.processors.tool.ending import Ending, failed, uncertain
from runfold.processors.tool.execution import Execution

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PoisonGuard:
    """Makes a call unless ``allowed`` processes died of it already.

    Calls that were being made when a process died are made one at a time from then on: so the next
    death tells which of them it was, and the others are not counted again.
    """

    deaths: Deaths
    allowed: int = 3
    alone: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self, work: ToolWork, execution: Execution) -> Ending:
        """Make the call and return how it ended."""
        call = f"{work.call_id}/{work.attempt}"
        if not self.deaths.of(call):
            return await self._made(call, execution)
        async with self.alone:
            died = self.deaths.of(call)
            if died < self.allowed:
                log.warning("call %s is made again, alone: %d processes died of it", call, died)
                return await self._made(call, execution)
        log.error("call %s is not made again: %d processes died of it", call, died)
        error = _poison(execution.contract.name, died)
        # Nothing was done this time; of a tool with effects nobody knows what was done before.
        return uncertain(error) if execution.contract.claims else failed(error)

    async def _made(self, call: str, execution: Execution) -> Ending:
        self.deaths.begin(call)
        try:
            return await execution.run()
        finally:
            self.deaths.end(call)


def _poison(tool: str, died: int) -> ErrorInfo:
    return ErrorInfo(
        error_type="process_died",
        message=f"{tool} ended the process that ran it {died} times, with these arguments.",
        retryable=False,
        suggested_next_action="Use other arguments or another tool, and mend this one.",
    )
