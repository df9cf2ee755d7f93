"""Deciders and the audit's verifier open no file and no socket, whatever they decide on."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from runfold.events.definitions import DefinitionReleased
from runfold.events.run import Event
from runfold.processors.definitions.rules import objection
from runfold.processors.run import behaviour as behaviours
from runfold.processors.run.dispatch import dispatch, reopen
from runfold.processors.run.evolve import evolve
from runfold.processors.run.lifecycle.deadlines import next_timer
from runfold.processors.run.state import Live
from runfold.surfaces.audit.definitions import DefinitionHistory
from runfold.surfaces.audit.verifier import Verifier
from tests.deciders.given import story
from tests.hard.deciding.outside import nothing_outside
from tests.replay.walks import facts_of
from tests.spec import START
from tests.support.builders.stories import STORIES, written_history
from tests.surfaces.records.test_verifier import published

SOME_WALKS = range(0, 120, 8)
EVERY_BEHAVIOUR = range(behaviours.FIRST, behaviours.CURRENT + 1)


@pytest.mark.parametrize("number", EVERY_BEHAVIOUR)
def test_no_decision_of_any_behaviour_asks_the_outside(number: int) -> None:
    """Walks are long mixed sequences of answers, results, people and deadlines."""
    facts_of(0, number)  # What is imported late and read once is no part of a decision.
    for walk in SOME_WALKS:
        with nothing_outside():
            said = facts_of(walk, number)
        assert said


@pytest.mark.parametrize("number", EVERY_BEHAVIOUR)
def test_neither_do_folds_dispatch_and_timers(number: int) -> None:
    known = story(max_malformed=3).definitions
    works = 0
    for walk in SOME_WALKS:
        facts, state = facts_of(walk, number), None
        with nothing_outside():
            for fact in facts:
                state = evolve(state, fact, START)
                works += len(dispatch(fact, state, known))
                if isinstance(state, Live):
                    next_timer(state)
                    reopen(state, known)
    assert works > len(SOME_WALKS)


def verify(written: Iterable[tuple[bytes, Event]], known: DefinitionHistory) -> None:
    verifier = Verifier("run", known)
    for value, event in written:
        verifier.take(value, event)
    verifier.verdict(None)


@pytest.mark.parametrize("name", STORIES)
def test_nor_does_the_audit(name: str) -> None:
    written, _ = written_history(STORIES[name])
    verify(written, DefinitionHistory(published()))
    known = DefinitionHistory(published())
    with nothing_outside():
        verify(written, known)


def test_nor_does_what_is_decided_of_definitions() -> None:
    known = story().definitions
    decided = DefinitionReleased(
        kind="tool",
        name="look",
        version="9.9",
        tenant=None,
        reason="r",
        decided_at=START,
        decided_by="me",
    )
    with nothing_outside():
        assert objection(known, decided)
