"""Runs a tool once, and says what came of it without ever raising."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

from runfold.events.calls import Outcome
from runfold.events.definitions import ToolContract
from runfold.events.values import ErrorInfo, Sign
from runfold.infra.logging.json_lines import frames
from runfold.infra.process.failpoints import failpoint
from runfold.processors.privacy.signs import signs_in, strings_of
from runfold.processors.tool.beginning.patience import waiting
from runfold.processors.tool.context import ToolContext
from runfold.processors.tool.ending import Ending, failed, refused, uncertain
from runfold.processors.tool.errors import (
    ToolDiedError,
    ToolLivesError,
    ToolRaisedError,
    ToolRefusedError,
    UnusableResultError,
)
from runfold.processors.tool.python.threads import in_thread
from runfold.processors.tool.results import as_text, inline, jsonable, kept_apart
from runfold.processors.tool.schemas import problems_of_result
from runfold.processors.tool.secrets import redacted

log = logging.getLogger(__name__)

Implementation = Callable[[Mapping[str, Any], ToolContext], Awaitable[object]]

Room = Callable[[], AbstractAsyncContextManager[Implementation]]
"""Gives a call a place to run; raises ToolRefusedError where there is none."""

PASSING = (ConnectionError, TimeoutError)
"""Exceptions that stand for a fault which may pass."""

_READ_CHARS = 4000
_SHORT_CHARS = 2000
"""What is looked through at once, in about 2 ms; longer texts in a thread."""
_SHOWN_CHARS = 500


def first_line(error: BaseException) -> str:
    """Return what an exception says, its first line; its own code may fail, or say too much."""
    try:
        # It is cut to what is shown after secrets were taken out: half a secret is one too.
        lines = str(error)[:_READ_CHARS].splitlines()
        return lines[0] if lines else "no message"
    except BaseException as broken:  # noqa: BLE001 - it is the tool's class
        return f"its message cannot be read ({type(broken).__name__})"


@dataclass(frozen=True, slots=True)
class Execution:
    """A call that may run: its contract, its checked arguments, its means.

    ``begins`` is told when the tool has a place and runs.
    """

    contract: ToolContract
    room: Room
    arguments: Mapping[str, Any]
    context: ToolContext
    timeout_ms: int
    masks: tuple[str, ...] = ()
    begins: Callable[[], object] = lambda: None

    async def run(self) -> Ending:
        """Run the tool within its time-out and judge its answer; only cancellation raises."""
        failpoint("tool.before_run")
        try:
            async with AsyncExitStack() as stack:
                # A call waits for a place as long as it may run, and then runs as long as it may.
                async with waiting(self.contract.name, self.timeout_ms):
                    implementation = await stack.enter_async_context(self.room())
                ending = await self._ran(implementation)
        except ToolRefusedError as refusal:
            ending = refused(refusal)
            ending = replace(ending, error=self._clean(refusal.info))
        return await self._looked_through(ending)

    async def _ran(self, implementation: Implementation) -> Ending:  # noqa: PLR0911 - each end
        self.begins()
        limit = asyncio.timeout(self.timeout_ms / 1000)
        try:
            async with limit:
                value = await implementation(self.arguments, self.context)
        except ToolRefusedError:
            raise
        except UnusableResultError as unusable:
            return replace(self._broken(self._clean(unusable.info)), healthy=True)
        except ToolDiedError as death:
            log.warning("tool %s ended its process %s", self.contract.name, death.how)
            # What a process dies of is the call: others of this tool may well be made.
            return replace(self._broken(self._died(death)), died=death.blamed)
        except ToolLivesError:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise asyncio.CancelledError from None
            # Also what may be repeated may not be repeated beside itself.
            return replace(uncertain(self._lives()), cost=self.contract.cost_usd)
        except TimeoutError as error:
            if not limit.expired():
                return replace(self._broken(self._raised(error)), healthy=False)
            slow = False if self.contract.safe_to_repeat else None
            return replace(self._broken(self._overran()), healthy=slow)
        except asyncio.CancelledError as error:
            # A tool may raise it on its own account; only the host's cancellation passes.
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            return self._broken(self._raised(error))
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is this call's
            # A tool's message may quote its arguments, which have no place in a log.
            afar = _from_afar(error)
            extra = {"frames": afar.frames}
            log.info("tool %s raised %s", self.contract.name, afar.kind, extra=extra)
            return replace(self._broken(self._raised(error)), healthy=not afar.passing)
        failpoint("tool.after_run")
        return await self._answered(value)

    async def _answered(self, value: object) -> Ending:
        try:
            plain = jsonable(value)
            problems = problems_of_result(self.contract, plain)
            if problems:
                raise UnusableResultError(
                    "invalid_result",
                    f"The result breaks the tool's output schema: {'; '.join(problems)}",
                    "Mend the tool, or its output schema.",
                )
            said = self._redacted(as_text(plain))
            signs = await self._signs(plain)
            result = inline(said, self.contract.max_result_bytes)
            if result is None:
                store, tenant_id = self.context.artifacts, self.context.tenant_id
                result = await in_thread(kept_apart, said, store, tenant_id)
        except (UnusableResultError, ToolRefusedError) as error:
            return self._broken(self._clean(error.info))
        ending = Ending(Outcome.SUCCEEDED, result, effect=self.contract.claims, healthy=True)
        return replace(ending, cost=self.contract.cost_usd, signs=signs)

    async def _looked_through(self, ending: Ending) -> Ending:
        """Return an ending with the signs of its error, which may quote what strangers wrote."""
        if ending.error is None:
            return ending
        return replace(ending, signs=await self._signs(ending.error.message))

    async def _signs(self, plain: object) -> tuple[Sign, ...]:
        if not self.contract.reads_strangers:
            return ()
        said = strings_of(plain)
        if len(said) <= _SHORT_CHARS:
            return signs_in(said)
        return await asyncio.to_thread(signs_in, said)

    def _broken(self, error: ErrorInfo) -> Ending:
        """Return what an error means after the tool had begun: it depends on the contract."""
        known = self.contract.safe_to_repeat
        ending = failed(error, effect=self.contract.claims) if known else uncertain(error)
        return replace(ending, cost=self.contract.cost_usd)

    def _overran(self) -> ErrorInfo:
        return ErrorInfo(
            error_type="timeout",
            message=f"{self.contract.name} did not answer within {self.timeout_ms} ms.",
            retryable=self.contract.safe_to_repeat,
            suggested_next_action="Try again with less to do, or go on without it.",
        )

    def _lives(self) -> ErrorInfo:
        return ErrorInfo(
            error_type="timeout",
            message=f"{self.contract.name} was ended, and its process is not gone.",
            retryable=False,
            suggested_next_action="Look whether it still acts, before it is called again.",
        )

    def _died(self, death: ToolDiedError) -> ErrorInfo:
        return ErrorInfo(
            error_type="process_died",
            message=f"The process that ran {self.contract.name} was ended {death.how}.",
            retryable=self.contract.safe_to_repeat,
            suggested_next_action="Use other arguments or another tool, and mend this one.",
        )

    def _raised(self, error: BaseException) -> ErrorInfo:
        afar = _from_afar(error)
        info = ErrorInfo(
            error_type="tool_error",
            message=f"{afar.kind}: {afar}",
            retryable=self.contract.safe_to_repeat and afar.passing,
            suggested_next_action="Check the arguments, or go on without this tool.",
        )
        return self._clean(info)

    def _clean(self, error: ErrorInfo) -> ErrorInfo:
        texts = {
            name: self._redacted(text)[:_SHOWN_CHARS]
            for name in ("error_type", "message", "suggested_next_action")
            if (text := getattr(error, name)) is not None
        }
        return error.model_copy(update=texts)

    def _redacted(self, text: str) -> str:
        return redacted(text, (*self.context.secrets.values(), *self.masks))


def _from_afar(error: BaseException) -> ToolRaisedError:
    """Return an exception as it would have come from another process."""
    if isinstance(error, ToolRaisedError):
        return error
    passing = isinstance(error, PASSING)
    passed = tuple(frames(error))
    return ToolRaisedError(type(error).__name__, first_line(error), passing=passing, frames=passed)
