"""Gathers what many callers want of one store, so that it goes there together.

    idle ──▶ under way ──▶ idle
              │     ▲
              └─────┘ what was wanted meanwhile goes next

Nobody waits for company: what is wanted while nothing is under way goes at once. A group holds
wants of one kind; the kind that waits longest goes first. Whoever gave up before its group went
is left out of it, so that nothing is done for it after what it does about that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K")
W = TypeVar("W")
A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[K, W, A]):
    kind: K
    want: W
    answer: asyncio.Future[A]


class RequestBatcher(Generic[K, W, A]):
    """Hands groups of wants to ``serve``, one group at a time, of ``most`` wants at most.

    ``serve`` returns one answer a want, in their order. An error of the class ``common`` is told
    to the whole group; for any other the wants of a group are served again one by one, and each
    is told its own.
    """

    def __init__(
        self,
        serve: Callable[[K, Sequence[W]], Awaitable[Sequence[A]]],
        common: type[Exception],
        most: int,
    ) -> None:
        self._serve = serve
        self._common = common
        self._most = most
        self._waiting: list[_Waiting[K, W, A]] = []
        self._serving: asyncio.Task[None] | None = None

    async def ask(self, kind: K, want: W) -> A:
        """Return the answer; raises what ``serve`` raised."""
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(kind, want, answer))
        if self._serving is None or self._serving.done():
            self._serving = asyncio.create_task(self._serve_all())
        return await answer

    async def _serve_all(self) -> None:
        while group := self._next():
            try:
                await self._answer(group)
            finally:
                for each in group:
                    each.answer.cancel()

    def _next(self) -> list[_Waiting[K, W, A]]:
        waiting = [each for each in self._waiting if not each.answer.done()]
        same = [each for each in waiting if each.kind == waiting[0].kind][: self._most]
        going = set(map(id, same))
        self._waiting = [each for each in waiting if id(each) not in going]
        return same

    async def _answer(self, group: list[_Waiting[K, W, A]]) -> None:
        try:
            answers = await self._serve(group[0].kind, [each.want for each in group])
        except Exception as error:  # noqa: BLE001  it is told to whoever wanted it
            if len(group) == 1 or isinstance(error, self._common):
                _fail(group, error)
            else:
                await self._answer_one_by_one(group)
            return
        for each, answer in zip(group, answers, strict=True):
            if not each.answer.done():
                each.answer.set_result(answer)

    async def _answer_one_by_one(self, group: list[_Waiting[K, W, A]]) -> None:
        for at, each in enumerate(group):
            try:
                (answer,) = await self._serve(each.kind, [each.want])
            except self._common as error:
                _fail(group[at:], error)
                return
            except Exception as error:  # noqa: BLE001  it is told to whoever wanted it
                _fail([each], error)
            else:
                if not each.answer.done():
                    each.answer.set_result(answer)


def _fail(group: Sequence[_Waiting[K, W, A]], error: Exception) -> None:
    for each in group:
        if not each.answer.done():
            each.answer.set_exception(error)
