"""The questions of a pool: asked once the answers are followed, and again while none came."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from runfold.events.calls import BeginAnswered, BeginRequested, CallWork
from runfold.infra.metrics.table import TABLE
from runfold.processors.effects.gate import CallKey
from runfold.processors.effects.pool.places import Places
from runfold.processors.effects.pool.questions import Questions
from tests.effects.given import tool_work

LANE = {"a": 0, "b": 1}


class Asking:
    """Questions whose clock and log belong to the test: runs a are of partition 0, b of 1."""

    def __init__(self, *, followed: bool = True) -> None:
        self.now = 100.0
        self.sent: list[BeginRequested] = []
        self.there: list[Callable[[], None]] = []
        self.places = Places()
        self.woken: list[str] = []
        self.broken = False
        self.questions = Questions(
            "me", lambda run: LANE[run[0]], self.places, self._publish, lambda: self.now
        )
        self.questions.wakes(self._wake)
        if followed:
            self.places.want([0, 1])
            self.places.follow([0, 1])

    def ask(self, call_id: str) -> asyncio.Task[bool | None]:
        return asyncio.create_task(self.questions.asked(tool_work(call_id)))

    def answer(self, call_id: str, *, granted: bool = True, by: str = "me") -> None:
        run_id = call_id.partition(".")[0]
        number = next((one.number for one in self.sent[::-1] if one.call_id == call_id), 0)
        said = BeginAnswered(
            run_id=run_id, call_id=call_id, attempt=1, by=by, granted=granted, number=number
        )
        self.questions.heard([(LANE[run_id[0]], said)])

    async def passes(self, seconds: float) -> None:
        """Let time go by, and everybody look."""
        self.now += seconds
        await asyncio.sleep(0.04)

    def calls(self) -> list[str]:
        return [question.call_id for question in self.sent]

    def _publish(self, question: BeginRequested, there: Callable[[], None]) -> None:
        if self.broken:
            raise ZeroDivisionError
        self.sent.append(question)
        self.there.append(there)

    def _wake(self, key: CallKey) -> None:
        self.woken.append(key[0])


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runfold.processors.effects.pool.questions._LOOK_S", 0.01)
    monkeypatch.setattr("runfold.processors.effects.pool.questions._SOON_S", 0.01)


def in_loop(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    def run() -> None:
        asyncio.run(test())

    run.__name__ = test.__name__
    return run


@in_loop
async def test_each_call_gets_its_own_answer() -> None:
    asking = Asking()
    first, second = asking.ask("a.1"), asking.ask("a.2")
    await asking.passes(0)
    assert [(q.run_id, q.call_id, q.attempt, q.by) for q in asking.sent] == [
        ("a", "a.1", 1, "me"),
        ("a", "a.2", 1, "me"),
    ]
    asking.answer("a.2", granted=False)
    asking.answer("a.1")
    assert (await first, await second) == (True, False)
    assert len(asking.questions) == 0


@in_loop
async def test_nothing_is_asked_before_the_answers_are_followed() -> None:
    asking = Asking(followed=False)
    task = asking.ask("a.1")
    await asking.passes(0)
    assert (asking.sent, asking.places.wanted()) == ([], {0: False})
    asking.places.follow([0])
    await asking.passes(0)
    assert asking.calls() == ["a.1"]
    asking.answer("a.1")
    assert await task


@in_loop
async def test_an_answer_to_another_pool_says_nothing() -> None:
    asking = Asking()
    task = asking.ask("a.1")
    await asking.passes(0)
    asking.answer("a.1", by="another")
    asking.answer("a.2")
    await asking.passes(0)
    assert not task.done()
    asking.answer("a.1", granted=False)
    assert await task is False


@in_loop
async def test_a_question_is_asked_again_at_growing_intervals_while_no_answer_came() -> None:
    asking = Asking()
    task = asking.ask("a.1")
    await asking.passes(0)
    for due in (5.0, 10.0, 20.0, 30.0, 30.0):
        asking.there[-1]()
        asked = len(asking.sent)
        await asking.passes(due - 0.1)
        assert len(asking.sent) == asked
        await asking.passes(0.1)
        assert len(asking.sent) == asked + 1
    task.cancel()


@in_loop
async def test_a_question_that_the_log_does_not_have_yet_is_not_sent_again() -> None:
    asking = Asking()
    task = asking.ask("a.1")
    await asking.passes(0)
    await asking.passes(60)
    assert len(asking.sent) == 1
    asking.there[0]()
    await asking.passes(0)
    assert len(asking.sent) == 2
    task.cancel()


@in_loop
async def test_a_question_that_could_not_be_sent_is_sent_later() -> None:
    asking = Asking()
    asking.broken = True
    with pytest.raises(ZeroDivisionError):
        await asking.ask("a.1")
    asking.broken = False
    task = asking.ask("a.1")
    await asking.passes(5)
    assert asking.calls() == ["a.1"]
    task.cancel()


@in_loop
async def test_calls_of_a_silent_lane_stand_back_and_are_woken_by_their_answers() -> None:
    asking = Asking()
    tasks = [asking.ask(f"a.{n}") for n in range(3)]
    other = asking.ask("b.1")
    await asking.passes(0)
    await asking.passes(9.9)
    assert not any(task.done() for task in tasks)
    asking.answer("b.1")
    assert await other
    await asking.passes(0.1)
    assert [await task for task in tasks] == [None] * 3
    # One question finds out whether it is back; further calls wait for that, and take no place.
    assert await asking.ask("a.9") is None
    assert await asking.ask("a.8") is None
    assert "a.9" in asking.calls()
    assert "a.8" not in asking.calls()
    other = asking.ask("b.2")
    await asking.passes(0)
    asking.answer("b.2")
    assert await other
    assert asking.woken == []
    asking.answer("a.2")
    assert set(asking.woken) == {"a.0", "a.1", "a.2", "a.8", "a.9"}
    # That answer is as old as the waiting: the run may have gone on since.
    again = asking.ask("a.2")
    await asking.passes(0)
    assert asking.calls().count("a.2") == 2
    asking.answer("a.2", granted=False)
    assert not await again
    # The lane is back: who asks now waits for the answer.
    late = asking.ask("a.10")
    await asking.passes(0)
    assert not late.done()
    late.cancel()


@in_loop
async def test_a_run_that_gives_no_answer_takes_no_place_for_long() -> None:
    asking = Asking()
    paused = asking.ask("a.1")
    await asking.passes(0)
    await asking.passes(6)
    asking.answer("a.2", by="another")
    late = asking.ask("a.3")
    await asking.passes(5)
    assert await paused is None
    assert not late.done()
    late.cancel()


@in_loop
async def test_questions_are_asked_again_also_while_their_calls_stand_back() -> None:
    asking = Asking()
    task = asking.ask("a.1")
    await asking.passes(0)
    for seconds in (5, 10, 20, 30):
        asking.there[-1]()
        await asking.passes(seconds)
    assert await task is None
    assert asking.calls() == ["a.1"] * 5


@in_loop
async def test_a_partition_that_is_lost_ends_its_questions() -> None:
    asking = Asking()
    back = asking.ask("a.1")
    await asking.passes(0)
    await asking.passes(10)
    assert await back is None
    asking.answer("a.2")
    lost, kept = asking.ask("a.2"), asking.ask("b.1")
    await asking.passes(0)
    asking.places.leave([0])
    asking.questions.lost([0])
    assert await lost is None
    assert set(asking.woken) == {"a.1"}
    assert not kept.done()
    # What is not followed is not asked about again.
    sent = asking.calls().count("a.1")
    for there in asking.there:
        there()
    await asking.passes(60)
    assert asking.calls().count("a.1") == sent
    kept.cancel()


@in_loop
async def test_an_answer_to_a_question_that_was_withdrawn_is_passed_over() -> None:
    asking = Asking()
    task = asking.ask("a.1")
    await asking.passes(0)
    work: CallWork = tool_work("a.1")
    asking.questions.forget(work)
    asking.answer("a.1")
    await asking.passes(0)
    assert not task.done()
    task.cancel()


@in_loop
async def test_the_time_to_an_answer_is_shown() -> None:
    def seen() -> tuple[float, float]:
        found = [
            TABLE.registry.get_sample_value(f"runfold_pool_answer_seconds_{part}")
            for part in ("count", "sum")
        ]
        return found[0] or 0.0, found[1] or 0.0

    (count, total), asking = seen(), Asking()
    task = asking.ask("a.1")
    await asking.passes(0)
    await asking.passes(2)
    asking.answer("a.1")
    await task
    assert seen() == (count + 1, total + 2)
