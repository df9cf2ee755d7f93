"""No decision of any behaviour ever changes; a test that fails here says what to do instead."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from runfold.events import wording as words
from runfold.events.contents.content import canonical_json
from runfold.events.values import RunStatus
from runfold.processors.engine.aggregate import Command, Env
from runfold.processors.run import behaviour as behaviours
from runfold.processors.run import state_hash, wording, wording_1
from runfold.processors.run.agent.controls import control_tools
from runfold.processors.run.agent.models import model_calls
from runfold.processors.run.agent.tools import proposed_calls
from runfold.processors.run.behaviour import CURRENT, BehaviourError
from runfold.processors.run.decide import decide
from runfold.processors.run.evolve import evolve
from runfold.processors.run.policy import rules
from tests.deciders.given import answer, begun, call, request, story
from tests.replay.frozen import BEHAVIOURS, WHAT_TO_DO, changed, scenarios_of
from tests.replay.record import walks_of

_OFFERED = "ebad2cbfe9468032df0303159b95536eaa6eac7180caf5dc00e7e49385381bf9"
"""The sha256 of the control tools' schemas as canonical JSON."""

_SOME = range(0, 120, 12)
"""Walks enough to see a change of any rule; the whole set is compared once."""


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_no_decision_changes_without_a_new_number(behaviour: int) -> None:
    found = changed(behaviour)
    assert not found, "\n".join([*found, WHAT_TO_DO])


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_every_behaviour_has_recorded_histories(behaviour: int) -> None:
    assert len(scenarios_of(behaviour)) >= 7
    assert walks_of(behaviour).exists()


def test_the_page_of_behaviours_says_what_each_number_changed() -> None:
    said = behaviours.__doc__ or ""
    assert [n for n in BEHAVIOURS if f"\n{n}. " not in said] == []


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_a_run_keeps_the_behaviour_that_it_began_with(behaviour: int) -> None:
    env_of = story()
    state = None
    env = Env(env_of.now, env_of.definitions)
    for body in (request(), answer(call("look"))):
        for fact in decide(state, Command(body), env, behaviour if state is None else CURRENT):
            state = evolve(state, fact, env.now)
    assert getattr(state, "behaviour", None) == behaviour


def _one_comma(patch: pytest.MonkeyPatch) -> None:
    texts = {
        **wording_1.PEOPLE,
        "needs_approval": "on the allow-list: level {level} needs a person",
    }
    patch.setattr(wording_1, "PEOPLE", texts)


def _one_hint(patch: pytest.MonkeyPatch) -> None:
    texts = {**wording_1.MODEL, "no_call": "You called no tool."}
    patch.setattr(wording, "_MODEL", ((1, texts),))


def _one_rule(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "needs_approval", lambda agent, contract: contract.risk_level > 1)


def _one_fact_less(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(proposed_calls, "_count_flaw", lambda draft, model_call_id: None)


def _one_wait_longer(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(model_calls, "EXITS", frozenset({"complete_task"}))


def _one_field_of_the_hash(patch: pytest.MonkeyPatch) -> None:
    whole = state_hash._projection_1
    patch.setattr(state_hash, "_projection_1", lambda run: whole(run)[:-1])


_MISTAKES: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], frozenset[int]]] = {
    "a text for people of behaviour 1": (_one_comma, frozenset({1})),
    "a text for the model": (_one_hint, frozenset(BEHAVIOURS)),
    "a rule of the policy": (_one_rule, frozenset(BEHAVIOURS)),
    "a fact that is not said any more": (_one_fact_less, frozenset(BEHAVIOURS)),
    "what ends a run": (_one_wait_longer, frozenset(BEHAVIOURS)),
    "what the hash of the state covers": (_one_field_of_the_hash, frozenset(BEHAVIOURS)),
}


@pytest.mark.parametrize("name", _MISTAKES)
def test_a_changed_decision_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mistake, found_in = _MISTAKES[name]
    wording._for_people.cache_clear()
    mistake(monkeypatch)
    assert {n for n in BEHAVIOURS if changed(n, _SOME)} == found_in
    monkeypatch.undo()
    wording._for_people.cache_clear()


def test_the_words_that_people_read_are_free(monkeypatch: pytest.MonkeyPatch) -> None:
    other = {code: f"said otherwise: {code}" for code in words.SENTENCES}
    monkeypatch.setattr(words, "SENTENCES", other)
    assert [found for n in BEHAVIOURS for found in changed(n, _SOME)] == []


def test_the_tools_that_every_model_is_offered_are_those_of_behaviour_1() -> None:
    """They are in no fact, so nothing else sees a change of what the model reads."""
    offered = canonical_json([schema.model_dump() for schema in control_tools.SCHEMAS])
    assert hashlib.sha256(offered.encode()).hexdigest() == _OFFERED, WHAT_TO_DO


def test_a_run_of_a_newer_release_is_left_alone() -> None:
    created = begun().facts[0].model_copy(update={"behaviour": CURRENT + 1})
    with pytest.raises(BehaviourError, match=f"begun with behaviour {CURRENT + 1}"):
        evolve(None, created, begun().now)
    assert begun().run.status is RunStatus.WAITING_FOR_MODEL
