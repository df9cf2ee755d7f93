"""The open questions of a pool: may this call begin?

    asked ──▶ waits in its place ──▶ answered
                    │ nobody answers for a while, or nobody at all in its partition
                    ▼
                stands back ──▶ answered, and woken

A question goes out once the place where its answer will come is followed, and again while none
came, since one may be lost. A lane that is away, or a run that is paused, takes no places from
calls that are answered.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from runfold.events.calls import BeginAnswered, BeginRequested, CallWork
from runfold.infra.process.failpoints import failpoint
from runfold.processors.effects.gate import CallKey, Wake
from runfold.processors.effects.metrics import ANSWER
from runfold.processors.effects.pool.places import Places

Publish = Callable[[BeginRequested, Callable[[], None]], None]
"""Puts a question onto the log, and calls the second once it is there; from any thread."""

_PATIENCE_S = 10.0
_AGAIN_S = 5.0
_AGAIN_MOST_S = 30.0
_LOOK_S = 0.5
_SOON_S = 0.1


@dataclass(slots=True)
class _Question:
    """``news`` says that it was answered, or that nobody here is to wait for it any more.

    ``under_way`` says that the log does not have it yet: then it is not sent again. ``back`` says
    that its call stands back.
    """

    asked: BeginRequested
    partition: int
    granted: bool | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)
    first: float | None = None
    due: float = 0.0
    pause_s: float = _AGAIN_S
    under_way: bool = False
    back: bool = False

    def is_answered_by(self, answer: BeginAnswered, partition: int) -> bool:
        """Whether this is the first answer to this very question, from where it must come."""
        asked = self.asked
        mine = (answer.by, answer.number) == (asked.by, asked.number)
        return mine and partition == self.partition and self.granted is None

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
        self._numbers = itertools.count(1)
        self._open: dict[CallKey, _Question] = {}
        self._probes: dict[int, _Question] = {}
        self._counts: Counter[int] = Counter()
        self._quiet: dict[int, float] = {}
        self._next_look: asyncio.TimerHandle | None = None
        self._wake: Wake = lambda _key: None

    def __len__(self) -> int:
        """Return how many questions are open; from any thread."""
        return len(self._open)

    def wakes(self, wake: Wake) -> None:
        """Call this when a call that stood back should ask again."""
        self._wake = wake

    async def asked(self, work: CallWork) -> bool | None:
        """Return the run's answer, None where the call is to stand back until it is woken."""
        key = (work.call_id, work.attempt)
        question = self._open.get(key)
        if question is not None and question.back:
            # Its answer is as old as the waiting: what holds at this moment is asked anew.
            self._close(key)
            question = None
        if question is None:
            question = self._opened(key, work)
        self._ask(question)
        await self._waited(question)
        if question.granted is not None:
            self._close(key)
        return question.granted

    def forget(self, work: CallWork) -> None:
        """Withdraw a question; its answer, if one comes, is passed over."""
        self._close((work.call_id, work.attempt))

    def heard(self, answers: Sequence[tuple[int, BeginAnswered]]) -> None:
        """Take answers with the partitions that they came from, those to other pools included."""
        now = self._clock()
        back_again = {partition for partition, _ in answers if self._silent(partition)}
        for partition, answer in answers:
            if partition in self._quiet:
                self._quiet[partition] = now
            key = (answer.call_id, answer.attempt)
            question = self._open.get(key)
            if question is None or not question.is_answered_by(answer, partition):
                continue
            question.granted = answer.granted
            ANSWER().observe(now - (now if question.first is None else question.first))
            self._tell(key, question)
        for key, question in list(self._open.items()):
            if question.partition in back_again and question.back:
                self._wake(key)

    def lost(self, partitions: Collection[int]) -> None:
        """Have nobody wait for answers from partitions that are others' now."""
        for key, question in list(self._open.items()):
            if question.partition in partitions:
                self._tell(key, question)

    def _tell(self, key: CallKey, question: _Question) -> None:
        question.news.set()
        if question.back:
            self._wake(key)

    def _opened(self, key: CallKey, work: CallWork) -> _Question:
        partition = self._partition_of(work.run_id)
        asked = BeginRequested(
            run_id=work.run_id,
            call_id=work.call_id,
            attempt=work.attempt,
            by=self._by,
            number=next(self._numbers),
        )
        question = self._open[key] = _Question(asked, partition)
        self._counts[partition] += 1
        self._places.want([partition])
        if self._next_look is None:
            self._next_look = asyncio.get_running_loop().call_later(_SOON_S, self._look)
        return question

    def _close(self, key: CallKey) -> None:
        question = self._open.pop(key, None)
        if question is None:
            return
        if self._probes.get(question.partition) is question:
            del self._probes[question.partition]
        self._counts[question.partition] -= 1
        if not self._counts[question.partition]:
            # Where nothing is asked, nobody is silent.
            del self._counts[question.partition]
            self._quiet.pop(question.partition, None)

    async def _waited(self, question: _Question) -> None:
        until = self._clock() + _PATIENCE_S
        while not question.news.is_set() and self._clock() < until:
            if self._silent(question.partition):
                break
            with suppress(TimeoutError):
                await asyncio.wait_for(question.news.wait(), _LOOK_S)
        question.back = question.granted is None

    def _look(self) -> None:
        """Send what is due, and look again later for as long as anything is open."""
        self._next_look = None
        if not self._open:
            return
        unsent = any(each.first is None and not each.back for each in self._open.values())
        loop = asyncio.get_running_loop()
        self._next_look = loop.call_later(_SOON_S if unsent else _LOOK_S, self._look)
        for question in list(self._open.values()):
            self._ask(question)

    def _ask(self, question: _Question) -> None:
        now = self._clock()
        done = question.granted is not None or question.under_way
        if done or now < question.due or not self._places.followed(question.partition):
            return
        # One question finds out whether anybody answers again where nobody did.
        silent = self._silent(question.partition)
        if silent and self._probes.setdefault(question.partition, question) is not question:
            return
        if question.first is None:
            question.first = now
        question.due = now + question.pause_s
        question.pause_s = min(2 * question.pause_s, _AGAIN_MOST_S)
        question.under_way = True
        self._quiet.setdefault(question.partition, now)
        failpoint("pool.before_ask")
        try:
            self._publish(question.asked, question.there)
        except BaseException:
            question.under_way = False
            raise

    def _silent(self, partition: int) -> bool:
        since = self._quiet.get(partition)
        return since is not None and self._clock() - since >= _PATIENCE_S
