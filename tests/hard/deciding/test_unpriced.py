"""A limit of money stands for something, or the run ends and says why it does not."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from runfold.events import run as j
from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.definitions import ModelChoice, RetryPolicy
from runfold.events.run import Event
from runfold.events.values import Limits
from runfold.processors.definitions.fixed import FixedDefinitions
from runfold.processors.engine.aggregate import Command, Env
from runfold.processors.engine.memory import MemoryEngine
from runfold.processors.model.processor import ModelProcessor
from runfold.processors.model.providers.settings import ModelSettings
from runfold.processors.run.aggregate import runs_that_begin_with
from runfold.processors.run.decide import decide
from runfold.processors.run.evolve import evolve
from runfold.processors.run.lifecycle.deadlines import next_timer
from runfold.processors.run.replay import decisions
from runfold.surfaces.application.errors import InvalidError
from runfold.surfaces.application.runs.asking.submit import limits_of
from runfold.surfaces.words import said
from tests.deciders.given import RUN, answer, begins, begun, call, came_back, done, request, story
from tests.spec import Story, kinds

CODEC = Codec(LockRegistry())
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
    story_ = limited().when(begins(1))
    due = next_timer(story_.run)
    assert due is not None
    story_ = story_.after((due.due - story_.now).total_seconds()).when(due)
    story_ = story_.when(free())  # type: ignore[arg-type]
    assert kinds(story_.said) == ["LateResultNoted"]
    assert story_.run.budget.unpriced == "local:llama"


def created(limits: Limits | None, known: frozenset[str], behaviour: int = 5) -> j.RunCreated:
    given = story(
        model=ModelChoice(name="local:llama", fallbacks=("openai:gpt-4o",)),
        limits=limits or Limits(),
    )
    env = Env(given.now, given.definitions)
    facts = decide(None, Command(request()), env, behaviour, known.__contains__)
    assert isinstance(facts[0], j.RunCreated)
    return facts[0]


BOTH = frozenset({"local:llama", "openai:gpt-4o"})


@pytest.mark.parametrize("known", [frozenset(), BOTH - {"local:llama"}, BOTH - {"openai:gpt-4o"}])
def test_a_run_whose_limit_cannot_be_kept_says_so_when_it_is_accepted(
    known: frozenset[str],
) -> None:
    warned = created(LIMITED, known)
    assert warned.unpriced
    assert "no price of local:llama is known" in said(warned)


def test_nothing_is_said_where_every_price_is_known_or_money_is_not_limited() -> None:
    assert not created(LIMITED, BOTH).unpriced
    assert not created(None, frozenset()).unpriced
    assert not created(LIMITED, frozenset(), behaviour=4).unpriced
    assert "price" not in said(created(LIMITED, BOTH))


@pytest.mark.parametrize("known", [frozenset(), BOTH])
def test_an_auditor_needs_no_prices(known: frozenset[str]) -> None:
    given = story(model=ModelChoice(name="local:llama"), limits=LIMITED)
    lane = MemoryEngine(
        runs_that_begin_with(5, known.__contains__),
        CODEC,
        FixedDefinitions(given.definitions),
        now=given.now,
    )
    lane.put(topics.REQUESTS, RUN, CODEC.encode(topics.REQUESTS, request()))
    lane.settle()
    read = [CODEC.decode(topics.EVENTS, each.value) for each in lane.entries(topics.EVENTS)]
    (decision,) = decisions.decisions(each for each in read if isinstance(each, Event))
    assert isinstance(decision[0].fact, j.RunCreated)
    assert decision[0].fact.unpriced is (known != BOTH)
    assert decisions.redecide(None, decision, given.definitions) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("openai:gpt-4o", True),
        ("house:llama", True),
        ("openai:no-such-model-at-all", False),
        ("nowhere:x", False),
        ("no-provider", False),
        ("scripted:x", True),
        ("default:x", True),
    ],
)
def test_which_prices_a_processor_knows(name: str, expected: bool, tmp_path: Path) -> None:
    table = tmp_path / "prices.yaml"
    table.write_text('"house:*": {input_mtok: 0.20, output_mtok: 0.60}\n')
    settings = ModelSettings.from_environment({"RUNFOLD_PRICES": str(table)})
    models = ModelProcessor(settings, lambda _name, _tenant: None)
    assert models.is_priced(name) is expected


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
