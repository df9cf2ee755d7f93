"""A decision that cannot be written: its command has an outcome, the run ends or goes on."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from runfold.events import run as j
from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.base import Fact, Record
from runfold.events.calls import ModelWork, Outcome
from runfold.events.calls.kinds import WORK_TOPICS
from runfold.events.contents.content import json_content, text
from runfold.events.definitions import Definitions, ModelChoice
from runfold.events.records import commands
from runfold.events.records.operations import DeadLetter
from runfold.events.run import Event
from runfold.events.values import ErrorInfo, ModelAnswer, Placement
from runfold.processors.definitions.fixed import FixedDefinitions
from runfold.processors.engine.memory import MemoryEngine
from runfold.processors.run.aggregate import RUNS, runs_that_begin_with
from runfold.processors.run.replay import decisions
from tests.deciders.given import (
    LOOK,
    RUN,
    SEND,
    agent,
    answer,
    begins,
    call,
    came_back,
    control,
    definitions,
    done,
    request,
    tool,
)
from tests.spec import START

KNOWN = definitions(LOOK, agent(tools=("look",)))


class Refusing(Codec):
    """A codec that cannot encode some facts, as if one of their values did not fit."""

    def __init__(self, *refused: type[Fact]) -> None:
        super().__init__(LockRegistry())
        self.refused = set(refused)

    def encode_event(self, meta: Record, fact: Fact) -> bytes:
        if type(fact) in self.refused:
            raise OverflowError("int too big to convert")
        return super().encode_event(meta, fact)


class Lane:
    """A lane in memory; what is refused can be changed in the middle."""

    def __init__(self, known: Definitions = KNOWN, behaviour: int | None = None) -> None:
        self.codec = Refusing()
        self.known = known
        spec = RUNS if behaviour is None else runs_that_begin_with(behaviour)
        self.engine = MemoryEngine(spec, self.codec, FixedDefinitions(known), now=START)

    def asked(self) -> Lane:
        return self.put(topics.REQUESTS, request())

    def put(self, topic: str, record: Record) -> Lane:
        self.engine.put(topic, RUN, self.codec.encode(topic, record))
        self.engine.settle()
        return self

    def give(self, result: Record) -> Lane:
        self.engine.give(result)
        self.engine.settle()
        return self

    def refusing(self, *facts: type[Fact]) -> Lane:
        self.codec.refused = set(facts)
        return self

    @property
    def events(self) -> list[Event]:
        read = [
            self.codec.decode(topics.EVENTS, e.value) for e in self.engine.entries(topics.EVENTS)
        ]
        return [event for event in read if isinstance(event, Event)]

    @property
    def facts(self) -> list[str]:
        return [type(event.fact).__name__ for event in self.events]

    @property
    def letters(self) -> list[Any]:
        found = self.engine.entries(topics.DEAD_LETTERS)
        return [self.codec.decode(topics.DEAD_LETTERS, each.value) for each in found]

    def audited(self) -> Lane:
        """No dead letter, and an auditor decides the same again."""
        assert self.letters == []
        state = None
        for decision in decisions.decisions(self.events):
            assert decisions.redecide(state, decision, self.known) is None
            state = decisions.fold(state, decision)
        return self


def looking() -> Lane:
    return Lane().asked().give(answer(call("look")))


def test_a_request_is_refused() -> None:
    lane = Lane().refusing(j.ContextHydrated).asked().audited()
    (event,) = lane.events
    assert isinstance(event.fact, j.RunRefused)
    assert (event.fact.code, "OverflowError" in event.fact.reason) == ("undecidable", True)


def test_work_that_is_too_large_for_its_topic_refuses_the_request() -> None:
    huge = [tool(f"t{n}", description="x" * 900_000) for n in range(9)]
    names = tuple(each.name for each in huge)
    model = ModelChoice(name="scripted:x", placement=Placement.POOL)
    lane = Lane(definitions(*huge, agent(tools=names, model=model))).asked().audited()
    assert lane.facts == ["RunRefused"]
    assert lane.engine.entries(WORK_TOPICS[ModelWork]) == []


def test_a_models_answer_that_is_too_large_was_paid_for_and_ends_the_run() -> None:
    said = ModelAnswer(text=text("x" * 9_000_000), finish_reason="stop")
    lane = Lane().asked().give(answer(answer=said)).audited()
    assert lane.facts[-3:] == ["ModelFailed", "LateResultNoted", "RunFailed"]
    last = lane.events[-1].fact
    assert isinstance(last, j.RunFailed)
    assert (last.exit.exit_code, last.exit.usage.cost_usd) == (6, answer().cost)


def test_a_tools_result_that_is_too_large_fails_its_call_and_the_run_goes_on() -> None:
    result = came_back(2).model_copy(update={"result": json_content("x" * 9_000_000)})
    lane = looking().give(result).audited()
    assert lane.facts[-4:] == [
        "ToolCallFailed",
        "CheckpointWritten",
        "ContextHydrated",
        "ModelCalled",
    ]
    assert lane.give(done(n=3)).audited().facts[-1] == "RunCompleted"


def sending() -> Lane:
    lane = Lane(definitions(SEND, agent(tools=("send",))))
    return lane.asked().give(answer(call("send")))


def test_a_call_that_acted_and_whose_result_is_too_large_waits_for_a_person() -> None:
    """Told that it had failed, the model would do it again."""
    result = came_back(2, effect=True).model_copy(
        update={"result": json_content("x" * 9_000_000), "cost": Decimal("0.5")}
    )
    lane = sending().give(result).audited()
    doubt = lane.events[-2].fact
    assert isinstance(doubt, j.ToolCallUncertain)
    assert (doubt.cost, "DecisionError" in doubt.reason) == (Decimal("0.5"), True)
    said = {"call_id": f"{RUN}.2", "resolution": commands.Resolution.HAPPENED}
    lane.put(topics.CONTROLS, control(commands.ResolveToolCall, "r1", **said))
    assert lane.give(done(n=3)).audited().facts[-1] == "RunCompleted"


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.UNCERTAIN])
def test_a_tool_that_reports_the_words_of_a_conclusion_is_decided_as_any_other(
    outcome: Outcome,
) -> None:
    words = 'runfold:undecidable {"error":"ZeroDivisionError"}'
    error = ErrorInfo(error_type="undecidable", message=words, retryable=True)
    forged = came_back(2, outcome=outcome, error=error, result=None)
    for lane in (looking(), sending()):
        before = len(lane.facts)
        assert len(lane.give(forged).audited().facts) > before


def test_a_control_is_ignored_and_the_run_goes_on() -> None:
    lane = looking().refusing(j.RunPaused)
    lane.put(topics.CONTROLS, control(commands.PauseRun, "p1")).audited()
    assert lane.facts[-1] == "RequestIgnored"
    assert lane.give(came_back(2)).audited().facts[-1] == "ModelCalled"


def test_a_deadline_ends_the_run_and_is_not_due_again() -> None:
    lane = looking().give(begins(2)).refusing(j.ToolCallFailed)
    lane.engine.pass_time(timedelta(hours=1))
    assert lane.audited().facts[-1] == "RunFailed"
    assert lane.engine.settle() is False


def test_where_the_conclusion_cannot_be_written_either_the_run_ends() -> None:
    lane = looking().refusing(j.ToolCallSucceeded, j.ToolCallFailed).give(came_back(2)).audited()
    assert lane.facts[-1] == "RunFailed"


def test_where_nothing_can_be_written_it_is_a_dead_letter_and_the_lane_lives() -> None:
    lane = looking().refusing(j.ToolCallSucceeded, j.ToolCallFailed, j.RunFailed)
    (letter,) = lane.give(came_back(2)).letters
    assert isinstance(letter, DeadLetter)
    assert letter.code == "decider_failed"
    assert lane.refusing().give(came_back(2)).facts[-1] == "ModelCalled"


def test_a_restart_finds_the_run_as_it_was_concluded() -> None:
    lane = looking().refusing(j.ToolCallSucceeded).give(came_back(2)).refusing()
    before = lane.facts
    lane.engine.restart()
    assert lane.facts == before
    assert lane.give(done(n=3)).audited().facts[-1] == "RunCompleted"


@pytest.mark.parametrize("behaviour", [1, 2, 3])
def test_runs_of_older_behaviours_have_a_dead_letter_as_they_had(behaviour: int) -> None:
    lane = Lane(behaviour=behaviour).asked().give(answer(call("look")))
    lane.refusing(j.ToolCallSucceeded).give(came_back(2))
    assert [letter.code for letter in lane.letters] == ["decider_failed"]
