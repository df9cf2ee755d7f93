"""Definitions that change while a run is under way hold from the next decision on, and are audited.

Each decision names the position of the definitions that it was made with, so that it is judged by
those and not by the ones that the run began with.
"""

from __future__ import annotations

import pytest

from runfold.events import topics
from runfold.events.calls import ModelResult
from runfold.events.definitions import Definitions
from runfold.events.records.commands import RunRequested
from runfold.events.run import Event
from runfold.events.topics import EVENTS
from runfold.processors.engine.memory import MemoryEngine
from runfold.processors.run.aggregate import RUNS
from runfold.surfaces.audit.definitions import DefinitionHistory
from runfold.surfaces.audit.verifier import Verdict, Verifier
from tests.deciders.given import (
    LOOK,
    RUN,
    SEND,
    WRITE,
    agent,
    answer,
    call,
    definitions,
    request,
    tool,
)
from tests.spec import START
from tests.support.builders.stories import CODEC

TRUSTING = definitions(LOOK, WRITE, SEND, agent())
"""Definitions under which ``look`` needs nobody's approval."""

WARY = definitions(LOOK, WRITE, SEND, agent(approval_from_level=0), tool("later"))
"""The same definitions later, by which a person must approve every call."""


class Current:
    """A source whose definitions are replaced under the engine."""

    def __init__(self, rules: Definitions) -> None:
        self.rules = rules

    def current(self) -> Definitions:
        return self.rules

    def catch_up(self, timeout: float) -> Definitions:
        return self.rules


class Known(DefinitionHistory):
    """Definitions by position, as an audit finds them."""

    def __init__(self, *rules: Definitions) -> None:
        super().__init__([])
        self._rules = {each.position: each for each in rules}

    def at(self, position: int) -> Definitions:
        return self._rules[position]


class FirstOnly(Known):
    """What an audit did that took the run's first position for every decision."""

    def at(self, position: int) -> Definitions:
        return self._rules[min(self._rules)]


def lived() -> list[tuple[bytes, Event]]:
    """A run whose agent became wary between its first and its second decision."""
    source = Current(TRUSTING)
    engine = MemoryEngine(RUNS, CODEC, source, now=START)
    _put(engine, topics.REQUESTS, request())
    source.rules = WARY
    _put(engine, topics.RESULTS, answer(call("look")))
    values = [entry.value or b"" for entry in engine.entries(EVENTS)]
    decoded = [(value, CODEC.decode(EVENTS, value)) for value in values]
    return [(value, event) for value, event in decoded if isinstance(event, Event)]


def _put(engine: MemoryEngine, topic: str, record: RunRequested | ModelResult) -> None:
    engine.put(topic, RUN, CODEC.encode(topic, record))
    engine.settle()


def judged(written: list[tuple[bytes, Event]], books: DefinitionHistory) -> Verdict:
    verifier = Verifier(RUN, books)
    for value, event in written:
        verifier.take(value, event)
    return verifier.verdict()


def test_the_next_decision_is_made_with_the_definitions_of_its_own_moment() -> None:
    written = lived()
    positions = [event.meta.definitions for _, event in written]
    kinds = [event.type for _, event in written]
    assert set(positions) == {TRUSTING.position, WARY.position}
    assert positions == sorted(positions, key=lambda position: position or 0)
    assert "ApprovalRequested" in kinds
    assert "ToolCallStarted" not in kinds


def test_an_audit_judges_each_decision_by_the_definitions_that_it_names() -> None:
    assert judged(lived(), Known(TRUSTING, WARY)).faults == ()


@pytest.mark.parametrize("order", [(TRUSTING, WARY), (WARY, TRUSTING)])
def test_an_audit_by_the_first_definitions_alone_would_call_the_run_forged(
    order: tuple[Definitions, Definitions],
) -> None:
    (fault,) = judged(lived(), FirstOnly(*order)).faults
    assert fault.kind == "decision"
    assert "event" in fault.reason
