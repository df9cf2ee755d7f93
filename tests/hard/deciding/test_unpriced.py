"""A limit of money stands for something, or the run ends and says why it does not."""

from __future__ import annotations

from decimal import Decimal

import pytest

from runfold.events import run as j
from runfold.events.definitions import ModelChoice, RetryPolicy
from runfold.events.values import Limits
from runfold.processors.engine.aggregate import Command, Env
from runfold.processors.run.decide import decide
from runfold.processors.run.evolve import evolve
from runfold.processors.run.lifecycle.deadlines import next_timer
from runfold.surfaces.application.errors import InvalidError
from runfold.surfaces.application.runs.submit import limits_of
from tests.deciders.given import answer, begun, call, came_back, done, request, story
from tests.spec import Story, kinds

LIMITED = Limits(max_cost=Decimal("1.00"))


def free(**more: object) -> object:
    """An answer of a model that somebody hosts: no price is known."""
    return answer(call("look"), cost=None, provider="local", model="local:llama", **more)


def limited(**agent_changes: object) -> Story:
    return begun(limits=LIMITED, **agent_changes)


def test_a_run_with_a_limit_of_money_ends_after_the_first_answer_without_a_price() -> None:
    story_ = limited().when(free()).when(came_back(2))  # type: ignore[arg-type]
    assert kinds(story_.said)[-2:] == ["LimitReached", "RunFailed"]
    ended = story_.only(j.RunFailed)
    assert (ended.error.error_type, ended.exit.exit_code) == ("unpriced", 3)
    assert "local:llama" in ended.error.message
    assert ended.error.suggested_next_action == "runfold:give_a_price"


def test_it_still_ends_well_with_that_answer() -> None:
    last = done().model_copy(update={"cost": None, "provider": "local"})
    assert limited().when(last).names()[-1] == "RunCompleted"


def test_an_agent_may_allow_it() -> None:
    retry = RetryPolicy(max_attempts=2)
    model = ModelChoice(name="local:llama", unpriced="allow", retry=retry)
    story_ = limited(model=model).when(free()).when(came_back(2))  # type: ignore[arg-type]
    assert kinds(story_.said)[-1] == "ModelCalled"


@pytest.mark.parametrize("limits", [None, Limits(max_total_tokens=5_000)])
def test_without_a_limit_of_money_nothing_changes(limits: Limits | None) -> None:
    story_ = begun(limits=limits) if limits else begun()
    story_ = story_.when(free()).when(came_back(2))  # type: ignore[arg-type]
    assert kinds(story_.said)[-1] == "ModelCalled"


def test_a_script_is_no_model_and_has_no_price() -> None:
    story_ = limited().when(answer(call("look"), cost=None)).when(came_back(2))
    assert kinds(story_.said)[-1] == "ModelCalled"


def test_what_comes_late_without_a_price_counts_as_well() -> None:
    story_ = limited()
    due = next_timer(story_.run)
    assert due is not None
    story_ = story_.after((due.due - story_.now).total_seconds()).when(due)
    story_ = story_.when(free())  # type: ignore[arg-type]
    assert kinds(story_.said) == ["LateResultNoted"]
    assert story_.run.budget.unpriced == "local:llama"


@pytest.mark.parametrize("behaviour", [1, 2, 3])
def test_runs_of_older_behaviours_go_on(behaviour: int) -> None:
    given = story(limits=LIMITED)
    env, state = Env(given.now, given.definitions), None
    for body in (request(), free(), came_back(2)):
        facts = decide(state, Command(body), env, behaviour)  # type: ignore[arg-type]
        for fact in facts:
            state = evolve(state, fact, env.now)
    assert kinds(facts)[-1] == "ModelCalled"


@pytest.mark.parametrize("name", ["max_cost", "max_tokens", "max_seconds", "max_model_calls"])
def test_a_limit_that_is_none_is_refused_where_it_is_typed(name: str) -> None:
    for value in (0, -1):
        with pytest.raises(InvalidError, match=f"{name} is {value}: a limit is above zero"):
            limits_of({name: value})  # type: ignore[misc]


def test_a_limit_of_tokens_is_the_one_of_requests() -> None:
    assert limits_of({"max_tokens": 5}) == Limits(max_total_tokens=5)
