"""Calls in this process: every work gets one result, and bounds hold."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from runfold.events.calls import ModelResult, ModelWork, Outcome, ToolResult, ToolWork
from runfold.processors.effects.kinds import Handler, Served, uncapped
from runfold.processors.effects.local import LocalEffects
from runfold.processors.engine.ports import Wish
from runfold.processors.model.kind import MODEL_CALL
from runfold.processors.tool.kind import TOOL_CALL
from tests.effects.given import Inbox, model_work, settled, succeeded, tool_work


class Gate:
    """A tool that waits until it is released, and counts who is inside."""

    def __init__(self) -> None:
        self.inside = 0
        self.most = 0
        self.started: list[str] = []
        self._open = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, work: ToolWork) -> ToolResult:
        self._loop = asyncio.get_running_loop()
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.started.append(work.call_id)
        try:
            await self._open.wait()
        finally:
            self.inside -= 1
        return succeeded(work)

    def let_go(self) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._open.set)


@pytest.fixture
def opened() -> Iterator[list[LocalEffects]]:
    every: list[LocalEffects] = []
    yield every
    for effects in every:
        effects.close(0)


def _effects(
    opened: list[LocalEffects],
    tool: Handler[ToolWork, ToolResult],
    at_once: int | None = None,
    **more: Any,
) -> LocalEffects:
    cap = more.pop("cap", uncapped)
    opened.append(LocalEffects(Served(TOOL_CALL, tool, at_once, cap), **more))
    return opened[-1]


def test_every_work_of_a_batch_gets_its_result(opened: list[LocalEffects]) -> None:
    async def answer(work: ToolWork) -> ToolResult:
        return succeeded(work)

    inbox = Inbox()
    works = [tool_work(f"r.{n}") for n in range(500)]
    _effects(opened, answer).submit_many(works, inbox.deliver)
    results = inbox.wait(500)
    assert {r.call_id for r in results if isinstance(r, ToolResult)} == {w.call_id for w in works}


def test_no_more_than_the_limit_run_at_once(opened: list[LocalEffects]) -> None:
    gate, inbox = Gate(), Inbox()
    effects = _effects(opened, gate, 3)
    effects.submit_many([tool_work(f"r.{n}") for n in range(10)], inbox.deliver)
    settled(effects)
    assert gate.inside == 3
    gate.let_go()
    assert len(inbox.wait(10)) == 10
    assert gate.most == 3


def test_a_capped_tool_does_not_hold_up_the_others(opened: list[LocalEffects]) -> None:
    gate, inbox = Gate(), Inbox()
    caps = {"slow": 1}
    effects = _effects(opened, gate, 3, cap=lambda work: caps.get(work.tool))
    slow = [tool_work(f"s.{n}", tool="slow") for n in range(5)]
    quick = [tool_work(f"q.{n}", tool="quick") for n in range(2)]
    effects.submit_many([*slow, *quick], inbox.deliver)
    settled(effects)
    assert gate.started == ["s.0", "q.0", "q.1"]
    gate.let_go()
    assert len(inbox.wait(7)) == 7


def test_a_tool_handler_that_raises_leaves_the_call_uncertain(opened: list[LocalEffects]) -> None:
    async def broken(_work: ToolWork) -> ToolResult:
        raise ZeroDivisionError("password is hunter2")

    inbox = Inbox()
    _effects(opened, broken).submit(tool_work(), inbox.deliver)
    (result,) = inbox.wait(1)
    assert isinstance(result, ToolResult)
    assert (result.outcome, result.effect) == (Outcome.UNCERTAIN, True)
    assert result.error is not None
    assert result.error.error_type == "internal_error"
    assert "hunter2" not in result.error.message


class BaseOfItsOwn(BaseException):
    """What no handler should raise."""


@pytest.mark.parametrize(
    "kind",
    [SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError, BaseOfItsOwn],
)
def test_whatever_a_handler_raises_its_call_has_a_result_and_others_go_on(
    kind: type[BaseException], opened: list[LocalEffects]
) -> None:
    async def broken(work: ToolWork) -> ToolResult:
        if work.call_id == "r.1":
            raise kind
        return succeeded(work)

    inbox = Inbox()
    effects = _effects(opened, broken)
    effects.submit(tool_work(call_id="r.1"), inbox.deliver)
    effects.submit(tool_work(call_id="r.2"), inbox.deliver)
    first, second = sorted(inbox.wait(2), key=lambda result: str(result.call_id))
    assert (first.outcome, second.outcome) == (Outcome.UNCERTAIN, Outcome.SUCCEEDED)
    assert first.error is not None
    assert kind.__name__ in first.error.message


def test_a_model_handler_that_raises_becomes_a_failure_to_retry() -> None:
    async def broken(_work: ModelWork) -> ModelResult:
        raise ZeroDivisionError

    inbox = Inbox()
    effects = LocalEffects(Served(MODEL_CALL, broken))
    effects.submit(model_work(), inbox.deliver)
    (result,) = inbox.wait(1)
    effects.close(0)
    assert isinstance(result, ModelResult)
    assert result.error is not None
    assert (result.outcome, result.error.retryable) == (Outcome.FAILED, True)


def test_a_handler_that_never_ends_is_given_up(opened: list[LocalEffects]) -> None:
    inbox = Inbox()
    effects = _effects(opened, Gate(), grace_s=0)
    effects.submit(tool_work(timeout_ms=10), inbox.deliver)
    (result,) = inbox.wait(1)
    assert isinstance(result, ToolResult)
    assert result.error is not None
    assert (result.outcome, result.error.error_type) == (Outcome.UNCERTAIN, "timeout")


def test_a_delivery_that_raises_harms_no_other(opened: list[LocalEffects]) -> None:
    async def answer(work: ToolWork) -> ToolResult:
        return succeeded(work)

    def refuse(_result: object) -> None:
        raise ZeroDivisionError

    inbox = Inbox()
    effects = _effects(opened, answer)
    effects.submit(tool_work("r.1"), refuse)
    effects.submit(tool_work("r.2"), inbox.deliver)
    assert len(inbox.wait(1)) == 1


def test_a_queued_call_that_is_no_longer_wanted_is_dropped(opened: list[LocalEffects]) -> None:
    gate, inbox = Gate(), Inbox()
    effects = _effects(opened, gate, 1)
    effects.submit(tool_work("r.1"), inbox.deliver)
    effects.submit(tool_work("r.2"), inbox.deliver, lambda _: Wish.DROP)
    effects.submit(tool_work("r.3"), inbox.deliver, lambda _: Wish.BEGIN)
    settled(effects)
    gate.let_go()
    inbox.wait(2)
    assert gate.started == ["r.1", "r.3"]


def test_closing_waits_for_what_is_in_flight_and_drops_what_is_queued() -> None:
    gate, inbox = Gate(), Inbox()
    effects = LocalEffects(Served(TOOL_CALL, gate, 1))
    effects.submit_many([tool_work("r.1"), tool_work("r.2")], inbox.deliver)
    settled(effects)
    threading.Timer(0.05, gate.let_go).start()
    assert effects.close(5)
    assert gate.started == ["r.1"]
    assert len(inbox.results) == 1


def test_closing_cancels_what_does_not_end() -> None:
    gate, inbox = Gate(), Inbox()
    effects = LocalEffects(Served(TOOL_CALL, gate))
    effects.submit(tool_work(), inbox.deliver)
    settled(effects)
    assert not effects.close(0)
    assert (gate.inside, inbox.results) == (0, [])


def test_resources_live_as_long_as_the_calls() -> None:
    seen: list[str] = []

    @asynccontextmanager
    async def resource() -> AsyncIterator[None]:
        seen.append("entered")
        yield
        seen.append("left")

    async def answer(work: ToolWork) -> ToolResult:
        seen.append("called")
        return succeeded(work)

    inbox = Inbox()
    effects = LocalEffects(Served(TOOL_CALL, answer), resources=[resource()])
    effects.submit(tool_work(), inbox.deliver)
    inbox.wait(1)
    effects.close()
    assert seen == ["entered", "called", "left"]


def test_anything_but_work_is_refused_where_it_is_submitted(opened: list[LocalEffects]) -> None:
    effects = _effects(opened, Gate())
    with pytest.raises(TypeError, match="ToolResult is not work"):
        effects.submit(succeeded(tool_work()), Inbox().deliver)
