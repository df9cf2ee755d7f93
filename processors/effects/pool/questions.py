"""The open questions of a pool: may this call begin?

A question is asked once the pool follows the place where its answer will come, and asked again
while none came, since one may be lost. A lane that is away answers nobody: then a few questions
stay open to notice its return, and all other calls of its partition leave their places to calls
that are answered.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from runfold.events.calls import BeginAnswered, BeginRequested, CallWork
from runfold.infra.process.failpoints import failpoint
from runfold.processors.effects.metrics import ANSWER
from runfold.processors.effects.pool.open_calls import CallKey
from runfold.processors.effects.pool.places import Places

Publish = Callable[[BeginRequested, Callable[[], None]], None]
"""Puts a question onto the log, and calls the second once it is there; from any thread."""

_AGAIN_S = 5.0
_AGAIN_MOST_S = 30.0
_SILENT_S = 10.0
_LOOK_S = 0.5
_SOON_S = 0.02
_STAY = 4


@dataclass(slots=True)
class _Question:
    """``under_way`` says that the log does not have it yet: then it is not asked again."""

    answer: asyncio.Future[bool] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    first: float | None = None
    due: float = 0.0
    pause_s: float = _AGAIN_S
    under_way: bool = False

    def there(self) -> None:
        """Note that the log has it."""
        self.under_way = False


class Questions:
    """Asks for a pool that calls itself ``by``; all on the host's loop, where nothing else is said.

    ``partition_of`` is where the answers to a run come, ``places`` what is followed of that.
    """

    def __init__(
        self,
        by: str,
        partition_of: Callable[[str], int],
        places: Places,
        publish: Publish,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._by = by
        self._partition_of = partition_of
        self._places = places
        self._publish = publish
        self._clock = clock
        self._open: dict[CallKey, _Question] = {}
        self._waiting: Counter[int] = Counter()
        self._quiet: dict[int, float] = {}
        self._wake: Callable[[], None] = lambda: None

    def __len__(self) -> int:
        """Return how many calls wait for an answer; from any thread."""
        return len(self._open)

    def wakes(self, wake: Callable[[], None]) -> None:
        """Call this when calls that were told that nobody answers should ask again."""
        self._wake = wake

    def wake(self) -> None:
        """Have those who wait ask again."""
        self._wake()

    def forget(self, work: CallWork) -> None:
        """Withdraw a question; its answer, if one comes, is passed over."""
        self._open.pop((work.call_id, work.attempt), None)

    async def asked(self, work: CallWork) -> bool | None:
        """Return the run's answer; None where its lane is silent, or is no longer this pool's."""
        key = (work.call_id, work.attempt)
        partition = self._partition_of(work.run_id)
        question = self._open.setdefault(key, _Question())
        if not question.answer.done():
            if self._silent(partition) and self._waiting[partition] >= _STAY:
                return None
            self._places.want([partition])
            await self._answered(question, work, partition)
        if not question.answer.done():
            return None
        self._open.pop(key, None)
        return question.answer.result()

    def heard(self, answers: Sequence[tuple[int, BeginAnswered]]) -> None:
        """Take answers with the partitions that they came from, those to other pools included."""
        back = False
        for partition, answer in answers:
            back = back or self._silent(partition)
            if partition in self._quiet:
                self._quiet[partition] = self._clock()
            question = self._open.get((answer.call_id, answer.attempt))
            if answer.by == self._by and question is not None and not question.answer.done():
                question.answer.set_result(answer.granted)
                if question.first is not None:
                    ANSWER().observe(self._clock() - question.first)
        if back:
            self._wake()

    async def _answered(self, question: _Question, work: CallWork, partition: int) -> None:
        """Wait for the answer for as long as that makes sense."""
        self._waiting[partition] += 1
        try:
            while not question.answer.done():
                followed = self._places.followed(partition)
                stays = self._waiting[partition] <= _STAY
                if followed is None or (self._silent(partition) and not stays):
                    return
                if followed:
                    self._ask(question, work, partition)
                await asyncio.wait({question.answer}, timeout=_LOOK_S if followed else _SOON_S)
        finally:
            self._waiting[partition] -= 1
            # Somebody has to be there when the lane is back.
            missed = self._silent(partition) and self._waiting[partition] < _STAY
            if not self._waiting[partition]:
                del self._waiting[partition]
                self._quiet.pop(partition, None)
            if missed:
                self._wake()

    def _ask(self, question: _Question, work: CallWork, partition: int) -> None:
        now = self._clock()
        if question.under_way or now < question.due:
            return
        if question.first is None:
            question.first = now
        question.due = now + question.pause_s
        question.pause_s = min(2 * question.pause_s, _AGAIN_MOST_S)
        question.under_way = True
        self._quiet.setdefault(partition, now)
        failpoint("pool.before_ask")
        asked = BeginRequested(
            run_id=work.run_id, call_id=work.call_id, attempt=work.attempt, by=self._by
        )
        self._publish(asked, question.there)

    def _silent(self, partition: int) -> bool:
        since = self._quiet.get(partition)
        return since is not None and self._clock() - since >= _SILENT_S
