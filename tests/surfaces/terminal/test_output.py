"""Output on terminals of any width, to readers that have had enough, and while nothing comes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time

import pytest

from runfold.surfaces.cli import exits, output

ROWS = [("0198c1f2-7d3e-7a41", "completed", "a goal of several words"), ("b", "failed", "other")]
COLUMNS = ("run", "status", "goal")


@pytest.mark.parametrize(
    "command", [["schemas", "list"], ["schemas", "list", "--json"], ["--help"]]
)
def test_a_reader_that_has_had_enough_is_no_failure(command: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "runfold.surfaces.cli", *command],
            stdout=writing, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (exits.OK, "")


@pytest.mark.parametrize("width", [20, 40, 46, 47, 100])
def test_a_table_fits_its_terminal(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    output.table(COLUMNS, ROWS, "none")
    lines = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= width
    assert "completed" in "".join(lines)
    words = " ".join(" ".join(lines).split())
    assert words.count("goal") == (1 + len(ROWS) if width < 47 else 2)


def test_what_is_waited_for_is_said_only_where_it_takes_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with output.waiting("the journal"):
        pass
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(output, "_SOON_S", 0.0)
    with output.waiting("the journal"):
        time.sleep(0.2)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    said = ""
    with output.waiting("the journal"):
        until = time.monotonic() + 30
        while not said and time.monotonic() < until:
            said = capsys.readouterr().err
    assert said == "waiting for the journal …\n"
