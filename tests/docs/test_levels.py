"""The table of levels on the page on policies is the one that decisions use [92, 108]."""

from __future__ import annotations

import re

import pytest

from runfold.events.definitions.levels import LEVELS, Level
from tests.docs.given import ROOT

PAGE = (ROOT / "docs/policy.md").read_text(encoding="utf-8")


def yes(said: bool) -> str:
    return "yes" if said else "no"


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.name)
def test_the_page_says_of_a_level_what_is_decided_by(level: Level) -> None:
    (row,) = re.findall(rf"^\| {level.number} \| (.+) \|$", PAGE, re.MULTILINE)
    assert row.split(" | ") == [
        level.means,
        "always" if level.approval == "always" else "as declared",
        str(level.persons),
        yes(level.claim),
        yes(level.permit),
        yes(level.dry_run),
        level.logged,
        level.lines,
        level.kept,
    ]
