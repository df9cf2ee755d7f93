"""Texts for people are codes in facts and words wherever they are shown."""

from __future__ import annotations

from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runfold.events import wording
from runfold.events.run import PolicyDecided
from runfold.processors.run import wording_1
from runfold.processors.run.wording import for_people
from runfold.surfaces.words import said
from tests.deciders.given import answer, begun, call
from tests.support.builders.stories import STORIES, history

_SAMPLE = "7"


def parameters_of(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name}


@pytest.mark.parametrize("code", wording_1.PEOPLE)
def test_every_code_has_a_sentence_with_the_same_parameters(code: str) -> None:
    assert parameters_of(wording.SENTENCES[code]) == parameters_of(wording_1.PEOPLE[code])


@pytest.mark.parametrize("code", wording_1.PEOPLE)
def test_a_coded_text_becomes_its_sentence(code: str) -> None:
    parameters = dict.fromkeys(parameters_of(wording_1.PEOPLE[code]), _SAMPLE)
    coded = for_people(2, code, **parameters)
    assert coded.startswith(f"runfold:{code}")
    assert wording.plain(coded) == wording.SENTENCES[code].format_map(parameters)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "on the allow-list; risk level 3 needs no approval",
        "runfold:",
        "runfold:no_such_code",
        "runfold:limit_reached",
        "runfold:limit_reached {",
        "runfold:limit_reached []",
        'runfold:limit_reached {"limit":1}',
        "runfold:agent-allow-list",
    ],
)
def test_what_holds_no_known_code_is_shown_as_it_is(text: str) -> None:
    assert wording.plain(text) == text


@given(st.text())
def test_no_text_breaks_what_shows_it(text: str) -> None:
    assert isinstance(wording.plain(text), str)
    assert isinstance(wording.plain(wording.PREFIX + text), str)


def test_a_decision_holds_the_code_and_not_the_words() -> None:
    decided = begun().when(answer(call("look"))).only(PolicyDecided)
    assert decided.reason == 'runfold:needs_no_approval {"level":0}'


@pytest.mark.parametrize("name", STORIES)
def test_nobody_is_shown_a_code(name: str) -> None:
    shown = [said(event.fact) for event in history(STORIES[name])[0]]
    assert [line for line in shown if wording.PREFIX in line] == []
