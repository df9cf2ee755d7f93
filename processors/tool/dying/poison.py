"""Calls that end the process that makes them: made again a few times, alone, then no more."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace

from runfold.events.calls import ToolWork
from runfold.events.values import ErrorInfo
from runfold.processors.tool.dying.deaths import Deaths
from runfold.processors.tool.ending import Ending, failed, uncertain
from runfold.processors.tool.execution import Execution

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PoisonGuard:
    """Makes a call unless ``allowed`` processes died of it already.

    Two kinds of processes die of calls. A child makes one call, so its death is that call's: it is
    counted over the call's attempts, each on record, and the last that is ``allowed`` fails for
    good. This process makes many; tools in children do not end it, but may, and tools that run here
    do: such deaths are counted for the attempt, which is delivered again.

    An attempt that was being made when a process died is made alone from then on: so the next
    death tells which of them it was, and the others are not counted again.
    """

    deaths: Deaths
    allowed: int = 3
    alone: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self, work: ToolWork, execution: Execution) -> Ending:
        """Make the call and return how it ended."""
        attempt = f"{work.call_id}/{work.attempt}"
        if not self.deaths.of(attempt):
            return await self._unless_enough(work.call_id, attempt, execution)
        async with self.alone:
            died = self.deaths.of(attempt)
            log.warning("call %s was being made when %d processes died", attempt, died)
            return await self._unless_enough(work.call_id, attempt, execution)

    async def _unless_enough(self, call: str, attempt: str, execution: Execution) -> Ending:
        died = self.deaths.of(attempt, call)
        if died < self.allowed:
            return await self._made(call, attempt, execution)
        log.error("call %s is not made again: %d processes died of it", attempt, died)
        error = _poison(execution.contract.name, died)
        # Nothing was done this time; of a tool with effects nobody knows what was done before.
        return uncertain(error) if execution.contract.claims else failed(error)

    async def _made(self, call: str, attempt: str, execution: Execution) -> Ending:
        self.deaths.begin(attempt)
        try:
            ending = await execution.run()
        finally:
            self.deaths.end(attempt)
        return self._counted(call, attempt, ending)

    def _counted(self, call: str, attempt: str, ending: Ending) -> Ending:
        """Count a child that died of the call, whichever attempt it was; then that is enough."""
        self.deaths.forget(attempt)
        error = ending.error
        if error is None or not error.retryable:
            self.deaths.forget(call)
            return ending
        if not ending.died:
            return ending
        died = self.deaths.count(call)
        if died < self.allowed:
            return ending
        # It stays: where this result gets lost, the attempt is delivered again, to any pool.
        said = f"{error.message} It was process {died} of {self.allowed} that may end so."
        return replace(ending, error=error.model_copy(update={"message": said, "retryable": False}))


def _poison(tool: str, died: int) -> ErrorInfo:
    return ErrorInfo(
        error_type="process_died",
        message=f"{tool} ended the process that ran it {died} times, with these arguments.",
        retryable=False,
        suggested_next_action="Use other arguments or another tool, and mend this one.",
    )
