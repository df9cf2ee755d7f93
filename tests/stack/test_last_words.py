"""The reason of a death is of that death: not an older line, nor one of an earlier life."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runfold.stack.supervisor.last_words import why_it_ended, why_it_was_killed

NOW = datetime(2026, 5, 5, tzinfo=UTC)
WARNED = "model call on 01.2 failed: playbook_error (an Error of a script)"


def line(message: str, level: str, seconds_ago: float = 0.0) -> str:
    at = (NOW - timedelta(seconds=seconds_ago)).isoformat()
    return json.dumps({"time": at, "level": level, "logger": "x", "message": message})


TRACE = 'Traceback (most recent call last):\n  File "x", line 1\nValueError: no'
FAULT = "Fatal Python error: Segmentation fault\n\nThread 0x1 (most recent call first):"


@pytest.mark.parametrize(
    ("log", "killed", "ended"),
    [
        ([line(WARNED, "WARNING", 1)], "", ""),
        ([line("no lanes", "ERROR", 300), line("serving", "INFO")], "", "no lanes"),
        ([line("no lanes", "ERROR", 1), line("serving", "INFO")], "no lanes", "no lanes"),
        ([line("stuck", "CRITICAL"), line(WARNED, "WARNING")], "stuck", "stuck"),
        ([line("serving", "INFO"), TRACE], "ValueError: no", "ValueError: no"),
        ([line("serving", "INFO"), FAULT], "Fatal Python error: Segmentation fault", None),
        ([TRACE, line("serving", "INFO")], "", "ValueError: no"),
        (["Error: KAFKA_X is wrong."], "", "Error: KAFKA_X is wrong."),
        ([], "", ""),
    ],
)
def test_a_line_counts_if_it_tells_of_the_end(
    tmp_path: Path, log: list[str], killed: str, ended: str | None
) -> None:
    file = tmp_path / "x.log"
    file.write_text("\n".join(log))
    assert why_it_was_killed(file, 0, NOW.timestamp()) == killed
    if ended is not None:
        assert why_it_ended(file, 0) == ended


def test_lines_of_an_earlier_life_do_not_count(tmp_path: Path) -> None:
    file = tmp_path / "x.log"
    before = line("stuck", "CRITICAL") + "\n"
    file.write_text(before + line("serving", "INFO"))
    assert why_it_was_killed(file, len(before), NOW.timestamp()) == ""
    assert why_it_ended(file, len(before)) == ""
    file.write_text(line("after it was put aside", "ERROR"))
    assert why_it_ended(file, 10_000) == "after it was put aside"


def test_a_log_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    assert why_it_ended(tmp_path / "none.log", 0) == ""
