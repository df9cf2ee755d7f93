"""Scopes are judged before the permit: a call that lacks one is forbidden on record, not begun."""

from __future__ import annotations

import pytest

from runfold.events import run as j
from runfold.processors.engine.aggregate import Command, Env
from runfold.processors.run.decide import decide
from runfold.processors.run.evolve import evolve
from tests.deciders.given import LOOK, agent, answer, call, definitions, request
from tests.spec import Story, kinds

NEEDY = LOOK.model_copy(update={"scopes": ("files:read", "files:list")})
KNOWN = definitions(NEEDY, agent(tools=("look",)))


def asked(*scopes: str) -> Story:
    return Story(KNOWN).when(request(scopes=scopes)).when(answer(call("look")))


def test_a_call_that_lacks_a_scope_is_forbidden_and_the_model_is_told() -> None:
    story = asked("files:list")
    decided = story.only(j.PolicyDecided)
    assert decided.effect is j.PolicyEffect.FORBID
    assert "runfold:scopes-of-the-requester" in decided.policy_ids
    assert "files:read" in decided.reason
    assert "files:list" not in decided.reason
    assert "files:read" in story.only(j.ToolCallDenied).reason
    assert "ToolCallStarted" not in story.names()
    assert kinds(story.said)[-1] == "ModelCalled"


def test_a_call_with_every_scope_begins() -> None:
    assert asked("files:read", "files:list", "more").names()[-1] == "ToolCallStarted"


@pytest.mark.parametrize("behaviour", [1, 2, 3])
def test_runs_of_older_behaviours_leave_it_to_the_tool_processor(behaviour: int) -> None:
    story, state = Story(KNOWN), None
    env = Env(story.now, story.definitions)
    for body in (request(), answer(call("look"))):
        facts = decide(state, Command(body), env, behaviour)
        for fact in facts:
            state = evolve(state, fact, env.now)
    assert kinds(facts)[-1] == "ToolCallStarted"
