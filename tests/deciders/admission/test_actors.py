"""Every fact says who caused it."""

from __future__ import annotations

import pytest

from runfold.events import run as j
from runfold.events.base import Fact
from runfold.events.records import commands
from runfold.events.values import ActorKind
from runfold.processors.engine.aggregate import Command
from runfold.processors.run.aggregate import RUN as RUN_AGGREGATE
from tests.deciders.given import answer, begun, call, came_back, control, request, story
from tests.spec import Story


def actors(before: Story, command: object) -> dict[type[Fact], ActorKind]:
    after = before.when(command)  # type: ignore[arg-type]
    aggregate = RUN_AGGREGATE
    given = Command(command)  # type: ignore[arg-type]
    assert after.state is not None
    return {type(fact): aggregate.actor(fact, given, after.state).kind for fact in after.said}


def test_the_request_is_the_clients() -> None:
    said = actors(story(), request())
    assert said[j.RunCreated] is ActorKind.CLIENT
    assert said[j.ModelCalled] is ActorKind.SYSTEM


@pytest.mark.parametrize(
    ("kind", "who"),
    [
        (j.ModelResponded, ActorKind.MODEL),
        (j.ToolCallProposed, ActorKind.MODEL),
        (j.PolicyDecided, ActorKind.POLICY),
        (j.ToolCallApproved, ActorKind.POLICY),
        (j.ToolCallStarted, ActorKind.SYSTEM),
    ],
)
def test_the_proposal_is_the_models_the_permit_the_policys(
    kind: type[Fact], who: ActorKind
) -> None:
    assert actors(begun(), answer(call("look")))[kind] is who


def test_an_approval_is_the_persons() -> None:
    waiting = begun().when(answer(call("write")))
    approve = control(commands.ApproveToolCall, call_id=waiting.run.loop.calls[0].call_id)
    assert actors(waiting, approve)[j.ToolCallApproved] is ActorKind.PERSON


def test_a_result_is_the_tools() -> None:
    looking = begun().when(answer(call("look")))
    assert actors(looking, came_back(2))[j.ToolCallSucceeded] is ActorKind.TOOL
