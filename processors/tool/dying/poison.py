"""Calls that end the process that makes them: made again a few times, alone, then no more."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace

from runfold.events.calls import Outcome, ToolWork
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
    do: such deaths are counted until the call has come to an end here, whichever attempt it comes
    back as. An attempt that is held was not made. What a person says has not happened is begun
    again, and so is its count.

    A call that was being made when a process died is made alone from then on: so the next death
    tells which of them it was, and the others are not counted again.
    """

    deaths: Deaths
    allowed: int = 3
    alone: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self, work: ToolWork, execution: Execution) -> Ending:
        """Make the call and return how it ended."""
        making = f"{work.call_id}/cleared-{work.cleared}"
        if not self.deaths.of(making):
            return await self._unless_enough(work.call_id, making, execution)
        async with self.alone:
            died = self.deaths.of(making)
            log.warning("call %s was being made when %d processes died", work.call_id, died)
            return await self._unless_enough(work.call_id, making, execution)

    async def _unless_enough(self, call: str, making: str, execution: Execution) -> Ending:
        died = self.deaths.of(making, call)
        if died < self.allowed:
            return await self._made(call, making, execution)
        log.error("call %s is not made again: %d processes died of it", call, died)
        error = _poison(execution.contract.name, died)
        # Nothing was done this time; of a tool with effects nobody knows what was done before.
        return uncertain(error) if execution.contract.claims else failed(error)

    async def _made(self, call: str, making: str, execution: Execution) -> Ending:
        self.deaths.begin(making)
        try:
            ending = await execution.run()
        finally:
            self.deaths.end(making)
        return ending if ending.outcome is Outcome.HELD else self._counted(call, making, ending)

    def _counted(self, call: str, making: str, ending: Ending) -> Ending:
        """Count a child that died of the call, whichever attempt it was; then that is enough."""
        self.deaths.forget(making)
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
