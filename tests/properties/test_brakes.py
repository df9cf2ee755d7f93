"""Brakes change no run that has none; evidence counts once, and memory is bounded."""

from __future__ import annotations

from collections import Counter
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.stateful import invariant

from runfold.events import run as j
from runfold.events.base import Fact
from runfold.processors.run.behaviour import BRAKES
from runfold.processors.run.state.watch import WINDOW
from tests.properties.test_redecided import RedecidedRun
from tests.properties.test_redecided import TestRedecidedRun as Redecided
from tests.replay.walks import WALKS, facts_of

EAGER = {
    "same_calls": {"threshold": 2, "reactions": ["think_again", "roll_back", "slow"]},
    "similar_calls": {"threshold": 3, "reactions": ["think_again", "ask"]},
    "error_streak": {"threshold": 1, "reactions": ["think_again", "slow", "ask", "hand_over"]},
    "no_progress": {"threshold": 2, "reactions": ["ask", "stop"]},
    "oscillation": {"threshold": 2, "reactions": ["slow"]},
    "cost_velocity": {"threshold": "0.02", "reactions": ["slow", "think_again"]},
    "token_velocity": {"threshold": 250, "reactions": ["slow"]},
    "unfounded_claims": {
        "threshold": 1,
        "reactions": ["think_again", "stop"],
        "claims": {"s": "look"},
    },
    "tainted_call": {"threshold": 1, "reactions": ["roll_back", "think_again"]},
    "goal_drift": {
        "threshold": 1,
        "reactions": ["think_again"],
        "judge": {"rubric": "It keeps to its goal.", "every": 3},
    },
}

_OF_THE_DEFINITION = {
    "agent", "policy_digest", "state_hash", "behaviour", "shown_digest", "cost_so_far",
}  # fmt: skip


def _said(facts: list[Fact]) -> list[tuple[str, dict[str, Any]]]:
    """Return facts without what names the definition, the behaviour, or what is remembered."""
    return [
        (type(fact).__name__, {k: v for k, v in fact if k not in _OF_THE_DEFINITION})
        for fact in facts
        if not isinstance(fact, j.BrakesSet)
    ]


@pytest.mark.parametrize("walk", range(0, WALKS, 3))
def test_a_run_without_brakes_is_decided_as_before(walk: int) -> None:
    before, now = facts_of(walk, BRAKES - 1), facts_of(walk, BRAKES)
    assert _said(now) == _said(before)
    assert not any(isinstance(fact, j.BrakesSet | j.BrakeApplied) for fact in now)


@pytest.mark.parametrize("walk", range(0, WALKS, 3))
def test_brakes_that_are_never_crossed_change_nothing(walk: int) -> None:
    calm = {
        "error_streak": {"threshold": 32, "reactions": ["stop"]},
        "same_calls": {"threshold": 32, "reactions": ["stop"]},
        "cost_velocity": {"threshold": 10**6, "reactions": ["stop"]},
        "unfounded_claims": {"threshold": 1, "reactions": ["stop"], "claims": {"xyzzy": "send"}},
    }
    assert _said(facts_of(walk, BRAKES, brakes=calm)) == _said(facts_of(walk, BRAKES))


@pytest.mark.parametrize("walk", range(0, WALKS, 3))
def test_a_run_that_began_before_brakes_has_none(walk: int) -> None:
    braked = facts_of(walk, BRAKES - 1, brakes=EAGER)
    assert _said(braked) == _said(facts_of(walk, BRAKES - 1))


class BrakedRun(RedecidedRun):
    """The run under any sequence of inputs, with every brake set as tight as it can be."""

    BRAKES = MappingProxyType(EAGER)

    @invariant()
    def no_call_is_evidence_twice_of_one_brake(self) -> None:
        taken = Counter(
            (fact.pattern, name)
            for fact in self.story.facts
            if isinstance(fact, j.BrakeApplied)
            for name in fact.evidence
            if "/" not in name and name != "plan"
        )
        assert max(taken.values(), default=1) == 1

    @invariant()
    def brakes_are_counted_one_by_one(self) -> None:
        applied = [fact for fact in self.story.facts if isinstance(fact, j.BrakeApplied)]
        for name in EAGER:
            times = [fact.times for fact in applied if fact.pattern == name]
            assert times == list(range(1, len(times) + 1))

    @invariant()
    def what_is_remembered_is_bounded(self) -> None:
        if self.live is None:
            return
        watch = self.live.loop.watch
        assert watch is not None
        held = (watch.calls, watch.errors, watch.progress.states, watch.samples, watch.unfounded)
        assert all(len(each) <= WINDOW for each in held)

    @invariant()
    def no_model_is_called_before_the_wait_is_over(self) -> None:
        said = self.story.said
        if self.live is None or not any(isinstance(fact, j.ModelCalled) for fact in said):
            return
        watch = self.live.loop.watch
        assert watch is not None
        assert watch.wait.until is None or watch.wait.until <= self.story.now


TestBrakedRun = BrakedRun.TestCase
TestBrakedRun.settings = settings(Redecided.settings, max_examples=50)
del Redecided
