"""docs/features.yaml names every item, and what it points to exists."""

from __future__ import annotations

import re
from functools import cache

import pytest
from typer.main import get_command

from runfold.surfaces.cli.app import app
from runfold.surfaces.docs.features import Feature, load
from tests.docs.given import ROOT

GROUPS = load(ROOT)
ITEMS = [item for group in GROUPS for item in group.items]


@cache
def commands() -> frozenset[str]:
    """Every command of the command line, with its group."""
    found = set()
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        for sub in getattr(command, "commands", {}):
            found.add(f"runfold {name} {sub}")
        found.add(f"runfold {name}")
    return frozenset(found)


def exists(shown: str) -> bool:
    """Whether a test, a file or a command is there."""
    if shown.startswith("runfold "):
        return shown in commands()
    file, _, name = shown.partition("::")
    path = ROOT / file
    if not path.is_file():
        return False
    return not name or bool(
        re.search(rf"^(async )?def {re.escape(name)}\(", path.read_text(), re.MULTILINE)
    )


def test_every_number_is_there_once_and_in_order() -> None:
    assert [item.number for item in ITEMS] == list(range(1, 205))
    assert [len(group.items) for group in GROUPS] == [
        19, 27, 12, 7, 10, 26, 14, 13, 17, 19, 12, 5, 19, 4,
    ]  # fmt: skip
    assert len({item.name for item in ITEMS}) == 204


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: str(item.number))
def test_what_an_item_points_to_exists(item: Feature) -> None:
    assert [shown for shown in item.shown_by if not exists(shown)] == []


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: str(item.number))
def test_an_item_claims_what_it_can_show(item: Feature) -> None:
    assert bool(item.missing) == (item.status == "partly")
    assert bool(item.shown_by) == (item.status != "not yet")


def test_what_works_is_shown_by_a_test() -> None:
    unshown = [
        item.number
        for item in ITEMS
        if item.status == "works" and not any(each.startswith("tests/") for each in item.shown_by)
    ]

    assert unshown == []


def test_a_name_that_is_not_there_is_noticed() -> None:
    assert exists("tests/docs/test_features.py::test_a_name_that_is_not_there_is_noticed")
    assert not exists("tests/docs/test_features.py::test_nothing_of_the_kind")
    assert not exists("tests/docs/none.py")
    assert not exists("runfold nothing")
