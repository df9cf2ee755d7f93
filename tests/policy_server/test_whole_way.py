"""The whole way: a run asks a server over HTTP, its answer is on record, and an audit decides again
without the server.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from runfold.events import run as j
from runfold.events import topics
from runfold.events.base import Record
from runfold.events.calls import PolicyWork
from runfold.events.errors import WireError
from runfold.events.run import Event
from runfold.processors.engine.memory import MemoryEngine
from runfold.processors.policy_server.processor import Place, PolicyServerProcessor
from runfold.processors.run.aggregate import RUNS
from tests.deciders.given import RUN, answer, begins, call, came_back, request
from tests.deciders.policies.test_policy_servers import SEND, asked_of, said, served
from tests.replay.test_definitions_in_mid_run import Current, Known, judged
from tests.spec import START
from tests.support.builders.stories import CODEC
from tests.support.opa import OpaDouble, opa_double
from tests.surfaces.records.test_verifier import rechained

PATH = "runfold/tools"


class Lane:
    """A lane whose questions go to a server at once, and an audit of what it wrote."""

    def __init__(self, opa: OpaDouble, **server: Any) -> None:
        self.rules = served(asked_of(**server), tools=(SEND,))
        self._place = Place(opa.address)
        self.engine = MemoryEngine(RUNS, CODEC, Current(self.rules), self._work, now=START)
        self.put(topics.REQUESTS, request())
        self.put(topics.RESULTS, answer(call("send")))

    def put(self, topic: str, record: Record) -> None:
        self.engine.put(topic, RUN, CODEC.encode(topic, record))
        self.engine.settle()

    def _work(self, work: Record) -> Record | None:
        if not isinstance(work, PolicyWork):
            return None

        async def ask() -> Record:
            async with PolicyServerProcessor(self._place) as processor:
                return await processor.call(work)

        return asyncio.run(ask())

    def written(self) -> list[tuple[bytes, Event]]:
        values = [entry.value or b"" for entry in self.engine.entries(topics.EVENTS)]
        decoded = [(value, CODEC.decode(topics.EVENTS, value)) for value in values]
        return [(value, event) for value, event in decoded if isinstance(event, Event)]

    def kinds(self) -> list[str]:
        return [event.type for _, event in self.written()]

    def faults(self) -> list[str]:
        return [each.kind for each in judged(self.written(), Known(self.rules)).faults]


def test_a_call_that_the_server_permits_is_made_and_audited_without_it() -> None:
    with opa_double() as opa:
        opa.rules[PATH] = lambda given: given["tool"]["name"] == "send"
        lane = Lane(opa)
        lane.put(topics.RESULTS, begins(2))
        lane.put(topics.RESULTS, came_back(2))
    kinds = lane.kinds()
    assert kinds.index("PolicyAnswered") < kinds.index("ToolCallStarted")
    assert kinds.count("ToolCallSucceeded") == 1
    assert lane.faults() == []


@pytest.mark.parametrize("when", ["hold", "deny"])
def test_a_server_that_is_away_holds_or_denies_and_comes_back(when: str) -> None:
    with opa_double() as opa:
        opa.raw = (503, {}, b"")
        opa.rules[PATH] = lambda _given: True
        lane = Lane(opa, when_unavailable=when)
        assert "ToolCallStarted" not in lane.kinds()
        assert ("ToolCallDenied" in lane.kinds()) is (when == "deny")
        opa.raw = None
        lane.engine.pass_time(timedelta(seconds=5))
        assert ("ToolCallStarted" in lane.kinds()) is (when == "hold")
    assert lane.faults() == []


def test_a_process_that_dies_while_it_asks_asks_again() -> None:
    with opa_double() as opa:
        opa.raw = (503, {}, b"")
        lane = Lane(opa)
        opa.raw = None
        opa.rules[PATH] = lambda _given: {"allow": False, "reason": "No."}
        lane.engine.restart()
        lane.engine.pass_time(timedelta(seconds=5))
    assert lane.kinds().count("PolicyAsked") == 2
    assert "ToolCallDenied" in lane.kinds()
    assert lane.faults() == []


def test_an_answer_that_was_forged_afterwards_is_found() -> None:
    with opa_double() as opa:
        opa.rules[PATH] = lambda _given: False
        lane = Lane(opa)
    forged = [
        replace_answer(event) if isinstance(event.fact, j.PolicyAnswered) else event
        for _, event in lane.written()
    ]
    faults = judged(rechained(forged), Known(lane.rules)).faults
    assert [each.kind for each in faults] == ["decision"]


def replace_answer(event: Event) -> Event:
    assert isinstance(event.fact, j.PolicyAnswered)
    answers = tuple(each.model_copy(update={"permitted": True}) for each in event.fact.answers)
    return replace(event, fact=event.fact.model_copy(update={"answers": answers}))


def test_no_answer_can_be_published() -> None:
    with opa_double() as opa:
        lane = Lane(opa)
    with pytest.raises(WireError, match="PolicyResult"):
        lane.put(topics.RESULTS, said())
