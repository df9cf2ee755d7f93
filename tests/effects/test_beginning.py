"""Whether a call begins: it is ready, somebody wants it, and its run permits it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from runfold.events.base import Record
from runfold.events.calls import CallWork, Outcome, ToolResult, ToolWork
from runfold.infra.metrics.table import TABLE
from runfold.processors.effects.bounds import Bounds
from runfold.processors.effects.gate import GivenGate
from runfold.processors.effects.holds import CannotBeginError
from runfold.processors.effects.kinds import Make, Served
from runfold.processors.effects.local import LocalEffects
from runfold.processors.engine.ports import Wish
from runfold.processors.tool.kind import TOOL_CALL
from tests.effects.given import Inbox, settled, succeeded, tool_work

asking = partial(tool_work, by_permission=True)


class Tool:
    """Answers at once, or when ``may_end`` is set; ``made`` lists its calls."""

    def __init__(self, *, waits: bool = False) -> None:
        self.made: list[str] = []
        self.may_end = threading.Event()
        if not waits:
            self.may_end.set()

    async def __call__(self, work: ToolWork) -> ToolResult:
        self.made.append(work.call_id)
        await asyncio.to_thread(self.may_end.wait, 30)
        return succeeded(work)


class Given:
    """Hosts that are closed with the test."""

    def __init__(self) -> None:
        self.hosts: list[LocalEffects] = []

    def __call__(self, tool: Tool, **more: Any) -> LocalEffects:
        at_once, ready = more.pop("at_once", None), more.pop("ready", None)
        self.hosts.append(LocalEffects(Served(TOOL_CALL, tool, at_once, ready=ready), **more))
        return self.hosts[-1]


@pytest.fixture
def host() -> Iterator[Given]:
    given = Given()
    yield given
    for each in given.hosts:
        each.close(0)


def result(records: Any) -> ToolResult:
    (found,) = records
    assert isinstance(found, ToolResult)
    return found


def test_a_call_begins_when_its_run_permits_it(host: Given) -> None:
    tool, gate, inbox = Tool(), GivenGate(), Inbox()
    host(tool, gate=gate).submit(asking("r.1", 2), inbox.deliver)
    found = result(inbox.wait(1))
    assert (found.outcome, found.attempt) == (Outcome.SUCCEEDED, 2)
    assert gate.questions == [("r.1", 2)]


def test_a_call_that_is_refused_is_dropped_and_nothing_is_reported(host: Given) -> None:
    tool, inbox, dropped = Tool(), Inbox(), Inbox()
    gate = GivenGate(lambda work: work.call_id != "r.1")
    effects = host(tool, gate=gate, at_once=1)
    effects.submit_many(
        [asking("r.1"), asking("r.2")], inbox.deliver, lambda _: Wish.BEGIN, dropped.deliver
    )
    assert result(inbox.wait(1)).call_id == "r.2"
    assert dropped.wait(1) == [asking("r.1")]
    assert (tool.made, gate.forgotten) == (["r.2"], [("r.1", 1)])


def test_work_of_runs_that_are_not_asked_begins_when_it_is_its_turn(host: Given) -> None:
    tool, gate, inbox = Tool(), GivenGate(lambda _: False), Inbox()
    host(tool, gate=gate).submit(tool_work(), inbox.deliver)
    assert result(inbox.wait(1)).outcome is Outcome.SUCCEEDED
    assert gate.questions == []


def test_a_call_that_nobody_answers_waits_without_a_place_until_it_is_woken(host: Given) -> None:
    silent = {"r.1"}

    def answer(work: CallWork) -> bool | None:
        return None if work.call_id in silent else True

    tool, gate, inbox = Tool(), GivenGate(answer), Inbox()
    effects = host(tool, gate=gate, at_once=1)
    effects.submit_many([asking("r.1"), asking("r.2")], inbox.deliver)
    assert result(inbox.wait(1)).call_id == "r.2"
    silent.clear()
    effects.ping(lambda: gate.wake(("r.1", 1)))
    inbox.wait(2)
    assert tool.made == ["r.2", "r.1"]


def test_calls_that_nobody_answers_make_room_for_those_whose_runs_may(host: Given) -> None:
    gate = GivenGate(lambda work: None if work.run_id == "silent" else True)
    tool, inbox = Tool(waits=True), Inbox()
    effects = host(tool, gate=gate, at_once=1, bounds=Bounds(queued=2))
    for number in range(2):
        effects.submit(asking(f"silent.{number}"), inbox.deliver)
        settled(effects)
    for number in range(4):
        effects.submit(asking(f"r.{number}"), inbox.deliver)
        settled(effects)
    # One is made and two wait for room, as many as may.
    held = [result([each]) for each in inbox.wait(3)]
    assert [each.call_id for each in held] == ["silent.0", "silent.1", "r.3"]
    assert {each.error and each.error.error_type for each in held} == {"no_room"}
    assert gate.forgotten[:2] == [("silent.0", 1), ("silent.1", 1)]
    tool.may_end.set()
    inbox.wait(6)
    assert tool.made == ["r.0", "r.1", "r.2"]
    # It comes back, and is asked about again.
    effects.submit(asking("silent.0", 2), inbox.deliver)
    settled(effects)
    assert gate.questions[-1] == ("silent.0", 2)


def test_a_call_that_is_woken_before_it_waits_asks_again(host: Given) -> None:
    answers = iter([None, True])

    class Hasty(GivenGate):
        async def asked(self, work: CallWork) -> bool | None:
            answer = next(answers)
            self.wake((work.call_id, work.attempt))
            return answer

    tool, inbox = Tool(), Inbox()
    host(tool, gate=Hasty()).submit(asking(), inbox.deliver)
    inbox.wait(1)
    assert tool.made == ["r.1"]


def test_a_call_that_may_begin_at_last_is_before_those_that_only_wait(host: Given) -> None:
    answers: dict[str, bool | None] = {"r.1": None}
    tool, inbox = Tool(waits=True), Inbox()
    gate = GivenGate(lambda work: answers.get(work.call_id, True))
    effects = host(tool, gate=gate, at_once=1)
    effects.submit_many([asking(f"r.{n}") for n in range(1, 5)], inbox.deliver)
    settled(effects)
    answers.clear()
    effects.ping(lambda: gate.wake(("r.1", 1)))
    settled(effects)
    tool.may_end.set()
    inbox.wait(4)
    assert tool.made == ["r.2", "r.1", "r.3", "r.4"]


def test_a_call_that_nobody_answers_and_nobody_wants_is_dropped(host: Given) -> None:
    wishes = iter([Wish.BEGIN, Wish.BEGIN, Wish.DROP])
    tool, dropped = Tool(), Inbox()
    host(tool, gate=GivenGate(lambda _: None)).submit(
        asking(), Inbox().deliver, lambda _: next(wishes), dropped.deliver
    )
    dropped.wait(1)
    assert tool.made == []


@pytest.mark.parametrize("work", [tool_work, asking])
def test_work_that_is_to_wait_stays_until_the_host_looks_again(
    host: Given, work: Callable[..., ToolWork]
) -> None:
    wishes = {"p.1": Wish.WAIT}

    def wanted(record: Record) -> Wish:
        assert isinstance(record, ToolWork)
        return wishes.get(record.call_id, Wish.BEGIN)

    tool, inbox = Tool(), Inbox()
    effects = host(tool, at_once=1)
    effects.submit_many([work("p.1"), work("r.1"), work("r.2")], inbox.deliver, wanted)
    inbox.wait(2)
    effects.look_again()
    settled(effects)
    assert tool.made == ["r.1", "r.2"]
    wishes.clear()
    effects.look_again()
    inbox.wait(3)
    assert tool.made == ["r.1", "r.2", "p.1"]


def test_what_is_no_longer_wanted_once_it_is_ready_does_not_begin(host: Given) -> None:
    wishes = {"r.1": Wish.BEGIN}
    left: list[str] = []

    @asynccontextmanager
    async def ready(work: ToolWork) -> AsyncIterator[Make[ToolResult]]:
        wishes["r.1"] = Wish.DROP
        yield partial(tool, work)
        left.append(work.call_id)

    tool, dropped = Tool(), Inbox()
    host(tool, ready=ready).submit(
        asking(), Inbox().deliver, lambda _: wishes["r.1"], dropped.deliver
    )
    dropped.wait(1)
    assert (tool.made, left) == ([], ["r.1"])


def raising(problem: BaseException) -> Callable[[ToolWork], Any]:
    """What finds out that no call can begin."""

    @asynccontextmanager
    async def ready(work: ToolWork) -> AsyncIterator[Make[ToolResult]]:
        if work.by_permission:
            raise problem
        yield partial(Tool(), work)

    return ready


def held(code: str) -> float:
    labels = {"kind": "tool", "name": "t@1", "code": code}
    return TABLE.registry.get_sample_value("runfold_effects_held_total", labels) or 0.0


def test_a_call_that_cannot_begin_is_held_and_its_run_is_not_asked(host: Given) -> None:
    hold = CannotBeginError("circuit_open", "It is left alone.", 1500)
    tool, gate, inbox, before = Tool(), GivenGate(), Inbox(), held("circuit_open")
    host(tool, gate=gate, ready=raising(hold)).submit(asking("r.1", 3), inbox.deliver)
    found = result(inbox.wait(1))
    assert found.error is not None
    assert (found.outcome, found.attempt, found.latency_ms) == (Outcome.HELD, 3, 0)
    assert (found.effect, found.cost, found.queued_ms) == (False, None, None)
    assert (found.error.error_type, found.error.retry_after_ms) == ("circuit_open", 1500)
    assert (gate.questions, tool.made) == ([], [])
    assert held("circuit_open") == before + 1


def test_a_call_may_turn_out_impossible_after_it_was_permitted(host: Given) -> None:
    async def gone() -> ToolResult:
        raise CannotBeginError("claims_unavailable", "They are gone.")

    @asynccontextmanager
    async def ready(_work: ToolWork) -> AsyncIterator[Make[ToolResult]]:
        yield gone

    inbox = Inbox()
    host(Tool(), gate=GivenGate(), ready=ready).submit(asking(), inbox.deliver)
    found = result(inbox.wait(1))
    assert found.error is not None
    assert (found.outcome, found.error.error_type) == (Outcome.HELD, "claims_unavailable")


class BaseOfItsOwn(BaseException):
    """What nothing should raise."""


@pytest.mark.parametrize("kind", [ZeroDivisionError, asyncio.CancelledError, BaseOfItsOwn])
def test_a_call_is_held_where_nobody_knows_whether_it_can_begin(
    host: Given, kind: type[BaseException]
) -> None:
    inbox = Inbox()
    host(Tool(), ready=raising(kind())).submit(asking(), inbox.deliver)
    found = result(inbox.wait(1))
    assert found.error is not None
    assert (found.outcome, found.error.error_type) == (Outcome.HELD, "internal_error")
    assert kind.__name__ in found.error.message


def test_a_call_that_cannot_be_asked_about_is_held_and_its_question_withdrawn(host: Given) -> None:
    def broken(_work: CallWork) -> bool:
        raise ZeroDivisionError

    inbox, gate = Inbox(), GivenGate(broken)
    host(Tool(), gate=gate).submit(asking(), inbox.deliver)
    found = result(inbox.wait(1))
    assert found.error is not None
    assert (found.outcome, found.error.error_type) == (Outcome.HELD, "internal_error")
    assert gate.forgotten == [("r.1", 1)]


def test_what_breaks_after_a_call_takes_nothing_of_its_result(host: Given) -> None:
    @asynccontextmanager
    async def ready(work: ToolWork) -> AsyncIterator[Make[ToolResult]]:
        yield partial(tool, work)
        raise ZeroDivisionError

    tool, inbox = Tool(), Inbox()
    host(tool, ready=ready).submit(asking(), inbox.deliver)
    assert result(inbox.wait(1)).outcome is Outcome.SUCCEEDED


def test_a_call_that_is_never_ready_is_held(host: Given) -> None:
    @asynccontextmanager
    async def ready(_work: ToolWork) -> AsyncIterator[Make[ToolResult]]:
        await asyncio.Event().wait()
        yield lambda: asyncio.sleep(0, succeeded(_work))

    inbox = Inbox()
    host(Tool(), ready=ready, grace_s=0).submit(asking(timeout_ms=10), inbox.deliver)
    found = result(inbox.wait(1))
    assert found.error is not None
    assert (found.outcome, found.error.error_type) == (Outcome.HELD, "not_ready")


@pytest.mark.parametrize("work", [tool_work, asking])
def test_work_that_is_handed_out_again_is_done_once_and_answered_to_both(
    host: Given, work: Callable[..., ToolWork]
) -> None:
    tool, first, second = Tool(waits=True), Inbox(), Inbox()
    effects = host(tool, at_once=1)
    effects.submit_many([work("r.1"), work("r.2")], first.deliver)
    effects.submit_many([work("r.1"), work("r.2"), work("r.2", 2)], second.deliver)
    settled(effects)
    tool.may_end.set()
    assert (len(first.wait(2)), len(second.wait(3))) == (2, 3)
    assert tool.made == ["r.1", "r.2", "r.2"]


def test_work_that_its_first_owner_drops_is_done_for_the_second(host: Given) -> None:
    tool, first, second = Tool(waits=True), Inbox(), Inbox()
    effects = host(tool, at_once=1)
    effects.submit(asking("r.1"), first.deliver)
    effects.submit(asking("r.2"), first.deliver, lambda _: Wish.DROP)
    effects.submit(asking("r.2"), second.deliver, lambda _: Wish.BEGIN)
    settled(effects)
    tool.may_end.set()
    second.wait(1)
    assert tool.made == ["r.1", "r.2"]


def test_work_that_waits_is_asked_about_again_when_it_is_handed_out_again(host: Given) -> None:
    tool, inbox = Tool(), Inbox()
    effects = host(tool)
    effects.submit(asking(), Inbox().deliver, lambda _: Wish.WAIT)
    settled(effects)
    effects.submit(asking(), inbox.deliver, lambda _: Wish.BEGIN)
    inbox.wait(1)
    assert tool.made == ["r.1"]


def test_what_was_done_or_dropped_may_be_handed_out_anew(host: Given) -> None:
    tool, inbox, dropped = Tool(), Inbox(), Inbox()
    effects = host(tool)
    effects.submit(asking("r.1"), inbox.deliver)
    inbox.wait(1)
    effects.submit(asking("r.2"), inbox.deliver, lambda _: Wish.DROP, dropped.deliver)
    dropped.wait(1)
    for call_id in ("r.1", "r.2"):
        effects.submit(asking(call_id), inbox.deliver)
    inbox.wait(3)
    assert tool.made == ["r.1", "r.1", "r.2"]


def test_a_host_that_ends_does_not_wait_for_answers(host: Given) -> None:
    asked = threading.Event()

    class Silence(GivenGate):
        async def asked(self, work: CallWork) -> bool | None:
            asked.set()
            await asyncio.Event().wait()
            return None

    tool = Tool()
    effects = host(tool, gate=Silence())
    effects.submit(asking(), Inbox().deliver)
    assert asked.wait(10)
    assert effects.close(60)
    assert tool.made == []


def test_a_result_says_how_long_its_call_had_waited(host: Given) -> None:
    tool, inbox = Tool(waits=True), Inbox()
    effects = host(tool, at_once=1)
    effects.submit_many([asking("r.1"), asking("r.2")], inbox.deliver)
    settled(effects)
    threading.Timer(0.1, tool.may_end.set).start()
    first, second = (found for found in inbox.wait(2) if isinstance(found, ToolResult))
    assert first.queued_ms is not None
    assert second.queued_ms is not None
    assert second.queued_ms > first.queued_ms
