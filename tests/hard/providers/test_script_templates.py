"""Filling a script costs as much as the goal is long, and says what it said before [26]."""

from __future__ import annotations

import random
import re

import pytest

from runfold.processors.model.scripted.templates import Scope, TemplateError, fill

# What named files before; right, and quadratic.
_FILE = re.compile(r"""["`“]([^"`“”\n]+)["`”]|([\w./-]*\w\.[A-Za-z0-9]+)""")
_PLACEHOLDER = re.compile(r"\{\{\s*(.+?)\s*\}\}", re.DOTALL)


def _file(goal: str) -> str | None:
    named = [found[1] or found[2] for found in _FILE.finditer(goal)]
    return (next((n for n in named if "." in n), None) or named[0]) if named else None


def test_the_file_of_a_goal_is_the_same_as_ever() -> None:
    pick = random.Random(7)
    goals = [
        "".join(pick.choice('ab._-/ "`“”\né1') for _ in range(pick.randrange(14)))
        for _ in range(20_000)
    ]
    for goal in [*goals, "Look at logs/kafka.log, please", 'in "a b" and c.txt', "v1.2.3.", "a..b"]:
        try:
            found = fill("{{ goal.file }}", Scope(goal=goal))
        except TemplateError:
            found = None
        assert found == _file(goal), repr(goal)


def test_placeholders_are_found_where_they_were() -> None:
    pick = random.Random(8)
    for _ in range(20_000):
        said = "".join(pick.choice(["{{", "}}", " ", "goal", "{", "}", "x"]) for _ in range(7))
        before: object
        after: object
        try:
            whole = _PLACEHOLDER.fullmatch(said.strip())
            alone = whole is not None and "{{" not in whole[1]
            before = "G" if alone else _PLACEHOLDER.sub(lambda _found: "G", said)
            after = fill(said, Scope(goal="G"))
        except TemplateError:
            continue
        assert after == before, repr(said)


@pytest.mark.parametrize(
    ("value", "goal"),
    [
        ("{{ goal.file }}", "a" * 100_000),
        ("{{ goal.file }}", "a." * 50_000 + "_"),
        ("{{ goal.file }}", "./" * 50_000),
        ("{{ goal.file }}", '"' * 100_000),
        ("{{ goal.file }}", '"a' * 50_000),
        ("{{ " * 30_000, ""),
        ("{{" + " " * 100_000, ""),
        ("{{ goal }}" * 20_000 + "{{", ""),
    ],
)
def test_a_long_text_is_looked_through_once(value: str, goal: str) -> None:
    # A reader that goes back takes minutes, and meets the suite's time-out.
    try:
        filled = fill(value, Scope(goal=goal))
    except TemplateError as error:
        filled = str(error)
    assert filled is not None
