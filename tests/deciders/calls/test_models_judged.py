"""Model calls that wait in a pool are judged by the policies of the moment in which they begin."""

from __future__ import annotations

from runfold.events import run as j
from runfold.events.calls import ModelWork
from runfold.events.definitions import Definitions, ModelChoice
from runfold.events.values import Placement
from runfold.processors.run.dispatch import pooled
from runfold.processors.run.lifecycle.endings import EXIT_WITHDRAWN
from runfold.processors.run.state import CallStatus
from runfold.processors.run.state_hash import state_hash
from tests.deciders.given import begins, due, request
from tests.deciders.governed import NO_X, announced, changed, governed, policy
from tests.deciders.policies.test_governed import after
from tests.spec import Story

POOLED = ModelChoice(name="a:x", fallbacks=("b:y", "c:z"), placement=Placement.POOL)
ELSEWHERE = NO_X.format("other:model")


def waiting(*rules: str) -> tuple[Story, Definitions]:
    known = governed(*rules, model=POOLED)
    return Story(known).when(request()), known


def with_rule(known: Definitions, cedar: str) -> Definitions:
    return after(known, *announced(policy(cedar, "later")))


def test_a_model_that_was_forbidden_meanwhile_does_not_begin() -> None:
    for rules in ((), (ELSEWHERE,)):
        story, known = waiting(*rules)
        story = changed(story, with_rule(known, NO_X.format("a:x"))).when(begins(1))
        assert story.names() == ["PolicyDecided", "RunFailed"]
        assert story.only(j.RunFailed).exit.exit_code == EXIT_WITHDRAWN


def test_a_model_that_is_still_permitted_begins_and_says_by_which_policies() -> None:
    story, known = waiting(ELSEWHERE)
    assert story.only(j.ModelCalled).judged_by == known.policies("acme").digest
    now = with_rule(known, NO_X.format("another:model"))
    story = changed(story, now).when(begins(1))
    assert story.names() == ["PolicyDecided", "PolicyDecided", "PolicyDecided", "CallBegun"]
    assert story.run.loop.model_call.judged_by == now.policies("acme").digest
    assert story.when(begins(1, by="another")).names() == ["CallBegun"]


def test_policies_that_say_nothing_of_models_cost_a_pool_nothing() -> None:
    story, known = waiting()
    now = with_rule(known, 'permit(principal, action == Action::"tool.call", resource);')
    assert changed(story, now).when(begins(1)).names() == ["CallBegun"]
    assert story.only(j.ModelCalled).judged_by is None


def test_a_fallback_that_was_forbidden_meanwhile_is_left_out_of_the_next_attempt() -> None:
    story, known = waiting()
    story = changed(story, with_rule(known, NO_X.format("b:y"))).when(begins(1))
    assert story.names()[-1] == "CallHeld"
    assert story.only(j.CallHeld).code == "other_fallbacks"
    assert story.run.loop.model_call.status is CallStatus.HELD
    story = due(story)
    assert story.only(j.ModelCalled).fallbacks == ("c:z",)
    (work,) = pooled(story.run, story.definitions)
    assert isinstance(work.record, ModelWork)
    assert work.record.fallbacks == ("c:z",)


def test_the_hash_of_the_state_covers_by_which_policies_calls_were_judged() -> None:
    plain, _ = waiting()
    first, _ = waiting(ELSEWHERE)
    second, _ = waiting(NO_X.format("another:model"))
    hashes = {state_hash(story.run) for story in (plain, first, second)}
    assert len(hashes) == 3
