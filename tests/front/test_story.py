"""Specifications of decisions: whole facts, and a difference that can be read."""

from __future__ import annotations

import pytest

from runfold.events import run as j
from runfold.events.records import commands
from runfold.testing import Story
from tests.deciders.given import RUN, answer, call, control, request, story


def written() -> Story:
    return story().when(request(), answer(call("write")))


def denied(reason: str) -> commands.Control:
    return control(commands.DenyToolCall, call_id=f"{RUN}.2", reason=reason)


def test_whole_facts_are_compared() -> None:
    told = written().when(denied("no"))

    assert told.then(*told.said) is told


def test_another_field_is_shown_beside_the_one_expected() -> None:
    told = written().when(denied("no"))
    first, *rest = told.said
    assert isinstance(first, j.ToolCallDenied)

    with pytest.raises(AssertionError) as found:
        told.then(first.model_copy(update={"reason": "yes"}), *rest)

    lines = str(found.value).splitlines()
    assert lines[0] == "other facts followed (- expected, + decided):"
    assert [line for line in lines if line.startswith(("- ", "+ "))] == [
        "-   reason: 'yes'",
        "+   reason: 'no'",
    ]


@pytest.mark.parametrize("more", [True, False])
def test_a_fact_too_many_or_too_few_is_a_difference(more: bool) -> None:
    told = written().when(denied("no"))
    expected = (*told.said, told.said[0]) if more else told.said[1:]

    with pytest.raises(AssertionError, match="ToolCallDenied"):
        told.then(*expected)


def test_facts_that_happened_before_are_given() -> None:
    told = written()
    again = Story(told.definitions, now=told.now).given(*told.facts)

    assert (again.said, again.facts) == ((), told.facts)
    assert again.when(denied("no")).then(*told.when(denied("no")).said).names()[0] == (
        "ToolCallDenied"
    )
