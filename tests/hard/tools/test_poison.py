"""A call that ends its process is made a few times, alone; then it fails, and nobody else does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from runfold.processors.tool.dying import deaths as module_of_deaths
from runfold.processors.tool.dying.deaths import Deaths

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
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_living_process_is_not_taken_for_a_dead_one(tmp_path: Path) -> None:
    with Deaths(tmp_path) as one, Deaths(tmp_path) as other:
        one.begin("run.1/1")
        assert other.of("run.1/1") == 0
        one.end("run.1/1")


def test_a_count_goes_on_whoever_asks(tmp_path: Path) -> None:
    died(tmp_path, "+run.1/1\n+run.2/1\n-run.2/1\n")
    with Deaths(tmp_path) as one, Deaths(tmp_path) as other:
        assert (one.of("run.1/1"), one.of("run.2/1")) == (1, 0)
        died(tmp_path, "+run.1/1\n+run.1/1\n")
        assert (other.of("run.1/1"), one.of("run.1/1")) == (2, 2)
        one.forget("run.1/1")
        assert other.of("run.1/1") == 0
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_file_that_grew_is_written_anew_with_what_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module_of_deaths, "_REWRITE_BYTES", 100)
    with Deaths(tmp_path) as one:
        one.begin("run.0/1")
        for _ in range(20):
            one.begin("run.1/1")
            one.end("run.1/1")
        (path,) = tmp_path.glob("*.calls")
        text = path.read_text()
    assert text.startswith("+run.0/1\n")
    assert len(text) < 200
    died(tmp_path, text)
    with Deaths(tmp_path) as other:
        assert (other.of("run.0/1"), other.of("run.1/1")) == (1, 0)


def died(folder: Path, text: str) -> None:
    folder.joinpath("dead.calls").write_text(text)
