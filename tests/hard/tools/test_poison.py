"""A call that ends its process is made a few times, alone; then it fails, and nobody else does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from runfold.processors.tool.deaths import Deaths

ROOT = Path(__file__).parents[3]
_MAIN = "from tests.hard.tools.poison_tools import main; main()"


def delivered(folder: Path, *asked: tuple[str, int, float]) -> list[list[object]]:
    """Let one process make the calls; return what it reported before it ended."""
    ended = subprocess.run(
        [sys.executable, "-c", _MAIN, str(folder), json.dumps(asked)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    return [json.loads(line) for line in ended.stdout.splitlines()]


@pytest.mark.parametrize(
    ("name", "outcome"),
    [("leaves", ["failed", "process_died"]), ("breaks", ["uncertain", "process_died"])],
)
def test_after_three_deaths_the_call_ends_without_a_process(
    name: str, outcome: list[str], tmp_path: Path
) -> None:
    reports = [delivered(tmp_path, (name, 1, 0.0)) for _ in range(4)]
    assert reports == [[], [], [], [[name, 1, *outcome]]]


def test_a_call_beside_a_deadly_one_is_not_blamed(tmp_path: Path) -> None:
    asked = [("leaves", 1, 0.2), ("works", 2, 0.6)]
    reports = [delivered(tmp_path, *asked) for _ in range(4)]
    works = ["works", 2, "succeeded", ""]
    assert all(report in ([], [works]) for report in reports[:3])
    assert sorted(reports[3]) == [["leaves", 1, "failed", "process_died"], works]


def test_calls_that_end_leave_nothing_behind(tmp_path: Path) -> None:
    assert delivered(tmp_path, ("works", 1, 0.0), ("works", 2, 0.0))
    assert list(tmp_path.iterdir()) == []


def test_a_living_process_is_not_taken_for_a_dead_one(tmp_path: Path) -> None:
    with Deaths(tmp_path) as one, Deaths(tmp_path) as other:
        one.begin("run.1/1")
        assert other.of("run.1/1") == 0
        one.end("run.1/1")


def test_a_count_goes_on_where_another_process_took_it_over(tmp_path: Path) -> None:
    first = Deaths(tmp_path)
    first.begin("run.1/1")
    first.__exit__(None, None, None)
    for path in list(tmp_path.iterdir()):
        path.unlink()
    died(tmp_path, "+run.1/1\n+run.2/1\n-run.2/1\n")
    second = Deaths(tmp_path)
    assert (second.of("run.1/1"), second.of("run.2/1")) == (1, 0)
    second.begin("run.1/1")
    second._rewrite()
    content = second._path.read_text()
    second.__exit__(None, None, None)
    (left,) = tmp_path.iterdir()
    assert left.read_text() == content
    with Deaths(tmp_path) as third:
        assert third.of("run.1/1") == 2
        third.begin("run.1/1")
        third.end("run.1/1")
        assert third.of("run.1/1") == 0
    assert list(tmp_path.iterdir()) == []


def died(folder: Path, text: str) -> None:
    folder.joinpath("dead.calls").write_text(text)
