"""Patterns in runs of behaviours 1 to 3: their verdicts stay, and none of them holds a lane."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry

from runfold.events import run as j
from runfold.events.json_schema import UncheckableError
from runfold.processors.run.agent.tools import old_patterns
from runfold.processors.run.agent.tools.old_patterns import MOST_CHARS, found
from tests.deciders.given import answer, call, tool
from tests.hard.deciding.given import begun_with

PATTERNS = [
    "^a", "b$", "^[a-z]+$", "[0-9]", r"^\d+$", r"\w\s", r"\bab\b", "a|^b", "(?:ab)+", "a{2,3}",
    "[[:alpha:]]", "a{,3}b", "(?i)AB", "(?=a)b", r"(a)\1", r"a\Z", "[^x]", ".", r"\.",
    "é", "^.{3}$", "",
]  # fmt: skip
TEXTS = st.text(st.sampled_from("abAB01 .xé\n\t\x1c\u0660\U0001f600"), max_size=MOST_CHARS)


# Python warns of sets within sets, and goes on.
@pytest.mark.filterwarnings("ignore::FutureWarning")
@settings(max_examples=300)
@given(st.sampled_from(PATTERNS), TEXTS)
def test_a_match_is_what_it_was(pattern: str, text: str) -> None:
    try:
        said = found(pattern, text)
    except UncheckableError:
        assert len(text) > 12
        assert old_patterns._REPEATED_GROUP.search(pattern)
        return
    assert said is (re.search(pattern, text) is not None)


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|aa)+$", "(a*)*b", "^([a-z]+)*[A-Z]$"])
def test_a_pattern_that_never_ends_is_matched_in_linear_time(pattern: str) -> None:
    assert found(pattern, "a" * 50_000 + "!") is False


@pytest.mark.parametrize("pattern", [r"^(a+)+\1$", "^(?=b)(a+)+$", "^((a+)+){,9}$"])
def test_what_only_re_can_match_is_bounded(pattern: str) -> None:
    re.compile(pattern)
    for length in range(50):
        with suppress(UncheckableError):
            found(pattern, "a" * length + "!")
    with pytest.raises(UncheckableError):
        found(pattern, "a" * 50_000 + "!")


SCHEMAS = [
    {"additionalProperties": False, "properties": {"a": {}}},
    {"additionalProperties": False, "patternProperties": {"^x-": {"type": "string"}}},
    {"additionalProperties": {"type": "integer"}, "patternProperties": {"^x": {}, "b": {}}},
    {"unevaluatedProperties": False, "patternProperties": {"^x": {}}},
    {"properties": {"a": {"pattern": "^[0-9]+$"}}},
]  # fmt: skip
VALUES = [
    {}, {"a": "1"}, {"a": "x"}, {"x-1": "s"}, {"x-1": 1}, {"b": 1, "c": 2}, {"y": "1", "z": "2"},
    "x",
]  # fmt: skip


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("value", VALUES)
def test_a_fault_is_said_as_it_was(schema: dict[str, object], value: object) -> None:
    before = best_match(Draft202012Validator(schema, registry=Registry()).iter_errors(value))
    now = best_match(old_patterns.VALIDATOR(schema, registry=Registry()).iter_errors(value))
    assert (now and (now.json_path, now.message)) == (before and (before.json_path, before.message))


def test_long_names_are_not_matched_by_re_where_nobody_else_could() -> None:
    schema = {"unevaluatedProperties": False, "patternProperties": {"^(a+)+$": {}}}
    with pytest.raises(UncheckableError):
        old_patterns.check_names(schema, [{"x": {"a" * 50_000 + "!": 1}}])
    old_patterns.check_names({"unevaluatedProperties": False}, {"a" * 50_000: 1})


@pytest.mark.parametrize("behaviour", [1, 2, 3])
def test_a_run_of_an_older_behaviour_goes_on(
    behaviour: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = {"type": "object", "properties": {"path": {"pattern": "^(a+)+$"}}}
    risky = tool("send", risk_level=3, input_schema=schema)
    story = begun_with(monkeypatch, behaviour, risky)
    story = story.when(answer(call("send", {"path": "a" * 5_000 + "!"})))
    assert "does not match" in story.only(j.ToolCallDenied).reason
