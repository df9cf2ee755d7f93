"""The mapping to the NIST AI RMF names every subcategory, and nothing that is not there [115]."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runfold.projections.tables import METADATA
from tests.docs.given import ROOT
from tests.docs.test_features import exists

PAGE = ROOT / "docs/compliance/nist-ai-rmf.md"

_SUBCATEGORIES = {
    "GOVERN": (7, 3, 2, 3, 2, 2),
    "MAP": (6, 3, 5, 2, 2),
    "MEASURE": (3, 13, 3, 3),
    "MANAGE": (4, 4, 2, 3),
}
"""How many subcategories each category of the AI RMF 1.0 has."""

ROWS = re.findall(
    r"^\| ((?:GOVERN|MAP|MEASURE|MANAGE) [\d.]+) \| (.+?) \| (.+?) \| ?(.*?) ?\|$",
    PAGE.read_text(encoding="utf-8"),
    re.MULTILINE,
)


def names(function: str, categories: tuple[int, ...]) -> list[str]:
    return [
        f"{function} {category}.{number}"
        for category, most in enumerate(categories, 1)
        for number in range(1, most + 1)
    ]


def test_every_subcategory_is_there_once_and_in_order() -> None:
    wanted = [name for function in _SUBCATEGORIES for name in names(function, _of(function))]
    assert [row[0] for row in ROWS] == wanted
    assert len(wanted) == 72


def _of(function: str) -> tuple[int, ...]:
    return _SUBCATEGORIES[function]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].replace(" ", "-"))
def test_a_row_names_evidence_that_exists_or_says_that_it_is_not_served(
    row: tuple[str, str, str, str],
) -> None:
    _, _, served, evidence = row
    named = re.findall(r"(table )?`([^`]+)`", evidence)
    linked = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", evidence)
    assert served in {"serves", "part", "not served"}
    assert bool(named or linked) == (served != "not served")
    assert [name for table, name in named if not _is_there(name, table=bool(table))] == []
    assert [link for link in linked if not (PAGE.parent / Path(link)).is_file()] == []


def _is_there(name: str, *, table: bool) -> bool:
    return name in METADATA.tables if table else exists(name)


def test_a_name_that_is_not_there_is_noticed() -> None:
    assert not _is_there("runfold access rewiev", table=False)
    assert not _is_there("tests/docs/test_compliance.py::test_nothing", table=False)
    assert not _is_there("policy_decision", table=True)
