"""The children of a process: for each module of tools the processes that make its calls."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from types import TracebackType
from typing import Any, Self

from runfold.infra.process.frames import MOST_BODY
from runfold.processors.tool.children.answers import value_of
from runfold.processors.tool.children.calls import sent
from runfold.processors.tool.children.module import Module
from runfold.processors.tool.children.refusals import refused
from runfold.processors.tool.children.settings import ChildSettings
from runfold.processors.tool.children.worker import Worker
from runfold.processors.tool.context import ToolContext
from runfold.processors.tool.errors import ToolRefusedError
from runfold.processors.tool.execution import Implementation
from runfold.processors.tool.implementations import Found
from runfold.processors.tool.python.names import refusal_of
from runfold.processors.tool.python.reconciling import Truth
from runfold.processors.tool.python.tools import need_allowed

log = logging.getLogger(__name__)


class Children:
    """Runs tools ``python:<module>:<function>`` outside this process.

    Use as ``async with``, on the loop and the thread that last as long as the calls do: the system
    ends the children with that thread. ``modules`` are those that tools may come from. ``masks``
    are texts that stand in no log.
    """

    def __init__(
        self,
        modules: Sequence[str],
        settings: ChildSettings | None = None,
        masks: Sequence[str] = (),
    ) -> None:
        self._allowed = tuple(modules)
        self._settings = settings or ChildSettings()
        self._masks = tuple(masks)
        self._modules: dict[str, Module] = {}
        self._sweeping: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin; a module's processes start with its first call."""
        self._sweeping = asyncio.create_task(self._sweep())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End every process."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeping
        for module in self._modules.values():
            await module.close()

    async def find(self, target: str) -> Found:
        """Return what runs ``module:function``; raises ToolRefusedError where nothing can.

        Nothing of the tool has run then, but its module was imported, in its own process.
        """
        need_allowed(target, self._allowed)
        name, _, function = target.partition(":")
        module = self._module(name)
        ready = await module.ready()
        if function not in ready.tools:
            raise refused(f"{name} has no tool {function!r}; mark the function with @tool.")
        limit_ms = ready.tools[function]
        return Found(
            partial(self._room, module, function),
            partial(self._reconciled, module, function, limit_ms / 1000) if limit_ms else None,
            module.digest,
        )

    def modules_at_start(self) -> list[Module]:
        """Return the modules that tools may come from, so that they can be imported early."""
        return [self._module(name) for name in self._allowed if not _never(name)]

    def faults(self) -> list[dict[str, str]]:
        """Return the modules that calls cannot use here, and why; from any thread."""
        failed = {each.name: each.fault for each in tuple(self._modules.values()) if each.fault}
        never = {name: why for name in self._allowed if (why := _never(name))}
        return [{"module": name, "why": why} for name, why in sorted({**failed, **never}.items())]

    def told(self) -> dict[str, object]:
        """Return what this process says of its modules; from any thread."""
        waiting = sorted(each.name for each in tuple(self._modules.values()) if each.waits)
        return {"allowed": self._allowed, "importing": waiting, "faults": self.faults()}

    def _module(self, name: str) -> Module:
        if name not in self._modules:
            self._modules[name] = Module(name, self._settings)
        return self._modules[name]

    @asynccontextmanager
    async def _room(self, module: Module, function: str) -> AsyncIterator[Implementation]:
        worker = await module.take()
        try:
            yield partial(self._call, worker, function)
        finally:
            module.give_back(worker)

    async def _call(
        self,
        worker: Worker,
        function: str,
        arguments: Mapping[str, Any] | None,
        context: ToolContext,
    ) -> object:
        frame = sent(function, arguments, context)
        if len(frame.body) > MOST_BODY:
            raise ToolRefusedError(
                f"The arguments have {len(frame.body)} bytes; {MOST_BODY} are passed on at most.",
                error_type="too_large",
            )
        return value_of(await worker.call(frame, context, self._masks))

    async def _reconciled(
        self, module: Module, function: str, limit_s: float, context: ToolContext
    ) -> Truth:
        try:
            async with asyncio.timeout(limit_s):
                worker = await module.take()
            try:
                async with asyncio.timeout(limit_s):
                    return Truth(str(await self._call(worker, function, None, context)))
            finally:
                module.give_back(worker)
        except Exception:
            log.exception("the reconciler of call %s could not tell", context.call_id)
            return Truth.UNKNOWN

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(self._settings.idle_s / 4)
            for module in self._modules.values():
                await module.sweep(time.monotonic() - self._settings.idle_s)


def _never(module: str) -> str:
    """Return why no tool can come from a module, "" for a name like others."""
    return refusal_of(f"python:{module}:f")
