"""Recorded histories: decided again, and what a change or a forgery looks like."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runfold.testing import FakeModel, History, check_history, complete, record_history
from tests.front.test_runtime import started
from tests.replay.record import FOLDER


@pytest.fixture
def file(tmp_path: Path) -> Path:
    record_history(started(FakeModel(complete("done")))[1], tmp_path / "run.json")
    return tmp_path / "run.json"


def test_what_was_recorded_is_decided_again_the_same(file: Path) -> None:
    check_history(file)


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.json")))
def test_histories_of_this_repository_are_read(name: str) -> None:
    check_history(FOLDER / f"{name}.json")


def test_another_agent_decides_otherwise(file: Path) -> None:
    told = json.loads(file.read_text())
    told["definitions"][0]["body"]["limits"]["max_model_calls"] = 0
    file.write_text(json.dumps(told))

    with pytest.raises(AssertionError, match="is not decided as it was recorded"):
        check_history(file)


def test_an_event_that_was_taken_out_breaks_the_chain(file: Path) -> None:
    told = json.loads(file.read_text())
    del told["values"][2]
    file.write_text(json.dumps(told))
    found = list(History.read(file).differences())

    assert found[0] == "event 4 does not follow from the one before it"
