"""Whether a call may begin is decided and answered in one transaction."""

from __future__ import annotations

import pytest

from runfold.events import topics
from runfold.events.calls import BeginAnswered, BeginRequested
from runfold.events.records import commands
from runfold.events.run import Event
from runfold.processors.engine.memory import LostCommit, MemoryEngine
from runfold.processors.run.state import RunState
from tests.deciders.given import RUN, answer, begins, call, control, request
from tests.replay.scenarios import Life


def asked(life: Life, question: BeginRequested) -> None:
    value = life.codec.encode(topics.RESULTS, question)
    life.engine.put(topics.RESULTS, question.run_id, value)


def answers(engine: MemoryEngine[RunState], life: Life) -> list[BeginAnswered]:
    found = [life.codec.decode(topics.PERMITS, e.value) for e in engine.entries(topics.PERMITS)]
    assert all(isinstance(one, BeginAnswered) for one in found)
    return found  # type: ignore[return-value]


def facts(life: Life) -> list[str]:
    found = [life.codec.decode(topics.EVENTS, value) for value in life.values()]
    return [type(one.fact).__name__ for one in found if isinstance(one, Event)]


def sending() -> Life:
    return Life(6).says(request(), answer(call("send")))


def test_a_permit_and_its_fact_are_written_together() -> None:
    life = sending().says(begins(2))
    assert facts(life)[-1] == "CallBegun"
    (answered,) = answers(life.engine, life)
    assert answered == BeginAnswered(
        run_id=RUN, call_id=f"{RUN}.2", attempt=1, by="pool-1", granted=True
    )


def test_a_question_whose_transaction_fails_is_not_answered_before_it_is_decided_again() -> None:
    life = sending()
    asked(life, begins(2))
    life.engine.fail_next_commit = True
    with pytest.raises(LostCommit):
        life.engine.settle()
    assert (facts(life)[-1], answers(life.engine, life)) == ("ToolCallStarted", [])
    life.engine.settle()
    assert facts(life)[-1] == "CallBegun"
    assert [one.granted for one in answers(life.engine, life)] == [True]


def test_the_same_question_is_answered_again_and_recorded_once() -> None:
    life = sending().says(begins(2), begins(2))
    assert facts(life).count("CallBegun") == 1
    assert [one.granted for one in answers(life.engine, life)] == [True, True]


def test_a_cancel_before_the_question_in_one_batch_refuses() -> None:
    life = sending()
    cancel = control(commands.CancelRun, "c1", reason="enough")
    life.engine.put(topics.CONTROLS, RUN, life.codec.encode(topics.CONTROLS, cancel))
    asked(life, begins(2))
    life.engine.settle()
    assert facts(life)[-1] == "RunCancelled"
    assert [one.granted for one in answers(life.engine, life)] == [False]


@pytest.mark.parametrize("run_id", [RUN, RUN[:-1] + "9"], ids=["ended", "never requested"])
def test_what_is_not_live_permits_nothing_and_is_no_dead_letter(run_id: str) -> None:
    life = sending().says(control(commands.CancelRun, "c1", reason="enough"))
    asked(life, begins(2).model_copy(update={"run_id": run_id}))
    life.engine.settle()
    assert [(one.run_id, one.granted) for one in answers(life.engine, life)] == [(run_id, False)]
    assert life.engine.entries(topics.DEAD_LETTERS) == []


def test_a_question_after_a_restart_finds_the_run_as_it_was() -> None:
    life = sending().says(begins(2))
    life.engine.restart()
    life.says(begins(2), begins(2, by="pool-2"))
    assert facts(life)[-2:] == ["CallBegun", "CallBegun"]
    assert [one.by for one in answers(life.engine, life)] == ["pool-1", "pool-1", "pool-2"]


def test_runs_of_an_older_behaviour_are_not_asked_and_permit_nothing() -> None:
    life = Life(5).says(request(), answer(call("send")), begins(2))
    assert facts(life)[-1] == "ToolCallStarted"
    assert [one.granted for one in answers(life.engine, life)] == [False]
