"""The calls that a process makes now: how many, how long they may take, what cutting them costs."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from runfold.events.calls import CallResult, CallWork
from runfold.processors.effects.kinds import EffectKind, Handler, Make, Served
from runfold.processors.effects.metrics import LONGEST_LEFT

W = TypeVar("W", bound=CallWork)
R = TypeVar("R", bound=CallResult)


def always(_work: object) -> bool:
    """Return that any call of a kind may be made again."""
    return True


@dataclass(frozen=True, slots=True)
class _Call:
    ends_at: float
    safe: bool


class UnderWay:
    """Notes each call from its beginning to its end.

    Whoever ends the process asks ``told``: from any thread. ``drain_s`` is how long the process
    waits for its calls once it is told to end.
    """

    def __init__(self, drain_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._drain_s = drain_s
        self._clock = clock
        self._numbers = itertools.count()
        self._kinds: dict[str, dict[int, _Call]] = {}

    def noting(
        self, kind: EffectKind[W, R], handler: Handler[W, R], safe: Callable[[W], bool]
    ) -> Handler[W, R]:
        """Return a handler that makes the same calls and notes them.

        ``safe`` says whether a call that is cut off is simply made again.
        """
        calls = self._kinds.setdefault(kind.name, {})
        LONGEST_LEFT(kind.name).set_function(lambda: self._left_s(calls))

        async def noted(work: W) -> R:
            with self._noted(calls, work, safe):
                return await handler(work)

        return noted

    def over(self, served: Served[W, R], safe: Callable[[W], bool]) -> Served[W, R]:
        """Return the same kind of call, made by a handler that notes each."""
        handler, ready = self.noting(served.kind, served.handler, safe), served.ready
        if ready is None:
            return replace(served, handler=handler)
        calls = self._kinds[served.kind.name]

        @asynccontextmanager
        async def noted(work: W) -> AsyncIterator[Make[R]]:
            async with ready(work) as make:

                async def made() -> R:
                    with self._noted(calls, work, safe):
                        return await make()

                yield made

        return replace(served, handler=handler, ready=noted)

    @contextmanager
    def _noted(self, calls: dict[int, _Call], work: W, safe: Callable[[W], bool]) -> Iterator[None]:
        number = next(self._numbers)
        calls[number] = _Call(self._clock() + work.timeout_ms / 1000, safe(work))
        try:
            yield
        finally:
            del calls[number]

    def told(self) -> dict[str, object]:
        """Return how many calls are under way, and in how many seconds the last must have ended.

        ``unsafe`` counts those of which nobody would know, were they cut off, what came of them.
        """
        calls = [call for each in self._kinds.values() for call in tuple(each.values())]
        return {
            "under_way": len(calls),
            "left_s": max((self._left_s(each) for each in self._kinds.values()), default=0.0),
            "unsafe": sum(not call.safe for call in calls),
            "drain_s": self._drain_s,
        }

    def _left_s(self, calls: dict[int, _Call]) -> float:
        last = max((call.ends_at for call in tuple(calls.values())), default=0.0)
        return round(max(0.0, last - self._clock()), 1) if calls else 0.0
