"""Calls made in memory: each is made at once, and answered at its moment on the virtual clock."""

from __future__ import annotations

import asyncio
import heapq
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from runfold.events.base import Record
from runfold.events.border import cleaned
from runfold.events.calls import BeginRequested, ContextWork, ModelResult, ModelWork, ToolWork
from runfold.events.calls.kinds import POOLED
from runfold.events.definitions import Definitions
from runfold.infra.artifacts.memory import MemoryArtifacts
from runfold.infra.secrets.memory import MemorySecrets
from runfold.processors.context.processor import ContextProcessor
from runfold.processors.model.contents import opened
from runfold.processors.model.processor import ModelProcessor
from runfold.processors.model.providers.settings import ModelSettings
from runfold.processors.run.ids import timeout_at
from runfold.processors.tool.claims.memory import MemoryClaims
from runfold.processors.tool.execution import Implementation
from runfold.processors.tool.processor import ToolProcessor
from runfold.processors.tool.python.tools import contract_of, implementation
from runfold.testing.answers import NEVER, FakeModel
from runfold.testing.tools import Slow, stand_in

WORK_TOPICS = tuple(kind.topic for kind in POOLED)


@dataclass(order=True)
class _Answer:
    due: datetime
    number: int
    result: Record = field(compare=False)


class MemoryEffects:
    """Makes model and tool calls of one process, and keeps their results until they are due."""

    def __init__(
        self,
        definitions: Definitions,
        functions: Sequence[Callable[..., Any]],
        model: FakeModel | None,
        tools: Mapping[str, Any],
        modules: Sequence[str],
        secrets: Mapping[str, str] | None,
    ) -> None:
        self.artifacts = MemoryArtifacts()
        self.taken: dict[str, int] = defaultdict(int)
        self._definitions = definitions
        self._model = model
        self._seconds = {
            name: found.seconds for name, found in tools.items() if isinstance(found, Slow)
        }
        self._tools = ToolProcessor(
            definitions.tool,
            MemoryClaims(),
            self.artifacts,
            MemorySecrets(secrets),
            modules=modules,
            given=_implementations(definitions, functions, tools),
            source=partial(definitions.version, "tool"),
        )
        self._answers: list[_Answer] = []
        self._silent: list[datetime] = []
        self._made = 0

    def submit(self, work: Record, now: datetime) -> None:
        """Make a call; its result is due when it would have come."""
        result: Record
        if isinstance(work, ModelWork):
            result, seconds = self._ask(work)
        elif isinstance(work, ToolWork):
            result = asyncio.run(self._tools.call(work))
            seconds = self._seconds.get(work.tool, 0.0)
        elif isinstance(work, ContextWork):
            result, seconds = asyncio.run(ContextProcessor(self.artifacts).call(work)), 0.0
        else:
            # A policy server is nothing that a test could have beside it unasked.
            raise TypeError(f"{type(work).__name__} is not a call that is made in memory")
        if seconds == NEVER:
            # It begins, and nothing more is heard of it.
            begun = BeginRequested(
                run_id=work.run_id, call_id=work.call_id, attempt=work.attempt, by="memory"
            )
            self._answer(now, begun)
            self._silent.append(timeout_at(now, work.timeout_ms))
            return
        self._answer(now + timedelta(seconds=seconds), cleaned(result))

    def _answer(self, due: datetime, record: Record) -> None:
        self._made += 1
        heapq.heappush(self._answers, _Answer(due, self._made, record))

    def answered(self, moment: datetime) -> Iterator[Record]:
        """Yield the results that are due by a moment, in the order of their moments."""
        while self._answers and self._answers[0].due <= moment:
            yield heapq.heappop(self._answers).result

    def next_due(self) -> datetime | None:
        """Return when the next result comes, None where none will."""
        return self._answers[0].due if self._answers else None

    def silent(self, now: datetime) -> bool:
        """Return whether a call is out that will not be answered before its time-out."""
        self._silent = [end for end in self._silent if end > now]
        return bool(self._silent)

    def forget(self) -> None:
        """Lose what is on its way, as a process that is killed does."""
        self._answers.clear()
        self._silent.clear()

    def _ask(self, work: ModelWork) -> tuple[ModelResult, float]:
        if self._model is not None:
            return self._model.answer(asyncio.run(opened(work, self.artifacts.get)))
        slept = _Slept()

        async def ask() -> ModelResult:
            settings = ModelSettings({})
            processor = ModelProcessor(
                settings,
                lambda name, tenant: self._definitions.model_script(name, None, tenant),
                self.artifacts.get,
                clock=slept.clock,
                sleep=slept.sleep,
            )
            async with processor:
                return await processor.call(work)

        return asyncio.run(ask()), slept.seconds


class _Slept:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def clock(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def _implementations(
    definitions: Definitions, functions: Sequence[Callable[..., Any]], tools: Mapping[str, Any]
) -> dict[str, Implementation]:
    found = {contract_of(each).implementation: implementation(each) for each in functions}
    for name, given in tools.items():
        contract = definitions.tool(name)
        if contract is None:
            raise ValueError(f"there is no tool {name!r} whose place something could take")
        value = given.found if isinstance(given, Slow) else given
        found[contract.implementation] = stand_in(value)
    return found
