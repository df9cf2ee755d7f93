"""A decision that raises: the command has an outcome at once, and the audit decides the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from runfold.events import run as j
from runfold.events.base import Record
from runfold.events.calls.kinds import TOOL
from runfold.events.records import commands
from runfold.events.run import GENESIS, Event, Meta
from runfold.processors.engine.aggregate import Command, Env, Timer
from runfold.processors.run.agent import checkpoints
from runfold.processors.run.agent.calls.kinds import RULES
from runfold.processors.run.agent.models import model_calls
from runfold.processors.run.agent.tools import proposed_calls
from runfold.processors.run.aggregate import RUN as AGGREGATE
from runfold.processors.run.decide import decide
from runfold.processors.run.draft import DefinitionMissingError
from runfold.processors.run.lifecycle import admission, controls, deadlines
from runfold.processors.run.lifecycle.deadlines import next_timer
from runfold.processors.run.replay.decisions import redecide
from tests.deciders.given import (
    RUN,
    TENANT,
    answer,
    begun,
    call,
    came_back,
    control,
    request,
    story,
)
from tests.spec import Story, kinds

Break = Callable[[object, str], None]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Break:
    """Makes a function of the decider raise."""

    def breaks(module: object, name: str) -> None:
        monkeypatch.setattr(module, name, _raises)

    return breaks


def _raises(*_given: object, **_named: object) -> None:
    raise ZeroDivisionError("at 0x7f00")


def audited(story_: Story, body: Record | Timer) -> Story:
    """The story goes on, and an auditor who knows no input decides the same."""
    before, story_ = story_.state, story_.when(body)
    state = story_.state
    assert state is not None
    events = [
        Event(
            Meta(
                run_id=RUN,
                seq=number,
                tenant_id=TENANT,
                time=story_.now,
                status=state.status,
                cause=body.cause if isinstance(body, Timer) else "runs.inputs/0/0",
                actor=AGGREGATE.actor(fact, Command(body), state),
                traceparent=state.traceparent,
                prev_hash=GENESIS,
            ),
            fact,
        )
        for number, fact in enumerate(story_.said, 1)
    ]
    assert redecide(before, events, story_.definitions) is None
    return story_


def looking() -> Story:
    return begun().when(answer(call("look")))


def test_a_request_is_refused(broken: Break) -> None:
    broken(admission, "_problem")
    story_ = audited(story(), request())
    refused = story_.only(j.RunRefused)
    assert (refused.code, refused.exit.exit_code) == ("undecidable", 2)
    assert "ZeroDivisionError" in refused.reason
    assert "0x7f00" not in refused.reason


def test_a_models_answer_is_a_failed_call_that_was_paid_for(broken: Break) -> None:
    story_ = begun()
    broken(proposed_calls, "propose_all")
    story_ = audited(story_, answer(call("look")))
    assert kinds(story_.said) == ["ModelFailed", "LateResultNoted", "RunFailed"]
    assert story_.only(j.LateResultNoted).cost == answer().cost
    ended = story_.only(j.RunFailed)
    assert (ended.error.error_type, ended.exit.exit_code) == ("undecidable", 6)
    assert ended.exit.usage.cost_usd == answer().cost


def test_a_tools_result_is_a_failed_call_and_the_model_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    story_ = looking()
    rules = RULES[TOOL.name]
    monkeypatch.setattr(
        "runfold.processors.run.agent.calls.results.RULES",
        {**RULES, TOOL.name: replace(rules, answered=_raises)},
    )
    story_ = story_.when(came_back(2))
    assert kinds(story_.said)[:2] == ["ToolCallFailed", "CheckpointWritten"]
    assert kinds(story_.said)[-1] == "ModelCalled"


def test_a_control_is_ignored_with_the_reason_and_the_run_lives(broken: Break) -> None:
    story_ = looking()
    broken(controls, "_pause")
    story_ = audited(story_, control(commands.PauseRun, "p1"))
    assert kinds(story_.said) == ["RequestIgnored"]
    assert "ZeroDivisionError" in story_.only(j.RequestIgnored).reason
    assert story_.when(came_back(2)).names()[-1] == "ModelCalled"


def test_a_deadline_ends_the_run(broken: Break) -> None:
    story_ = looking()
    timer = next_timer(story_.run)
    assert isinstance(timer, Timer)
    broken(deadlines, "_fire_call")
    story_ = audited(story_.after(10_000), timer)
    assert kinds(story_.said) == ["RunFailed"]


def test_where_not_even_the_failure_can_be_decided_the_run_ends(broken: Break) -> None:
    story_ = looking()
    broken(checkpoints, "state_hash")
    story_ = story_.when(came_back(2))
    assert kinds(story_.said) == ["RunFailed"]
    assert story_.only(j.RunFailed).error.error_type == "undecidable"


def test_what_came_for_a_call_that_is_not_out_changes_nothing(broken: Break) -> None:
    story_ = looking()
    broken(model_calls, "late")
    assert story_.when(answer(call("look"), n=9)).said == ()


def test_a_definition_that_is_not_known_here_yet_is_no_outcome(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unknown(*_given: object) -> None:
        raise DefinitionMissingError("the follower is behind")

    story_ = begun()
    monkeypatch.setattr(proposed_calls, "propose_all", unknown)
    with pytest.raises(DefinitionMissingError):
        story_.when(answer(call("look")))


@pytest.mark.parametrize("behaviour", [1, 2, 3])
def test_runs_of_older_behaviours_are_decided_as_they_were(behaviour: int, broken: Break) -> None:
    env = Env(story().now, story().definitions)
    broken(admission, "_problem")
    with pytest.raises(ZeroDivisionError):
        decide(None, Command(request()), env, behaviour)
