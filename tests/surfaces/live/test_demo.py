"""``make demo``: left in the middle nothing is left running, and the next one goes to its end."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from runfold.surfaces.cli import exits
from tests.support import stack
from tests.surfaces.live.test_live import Runfold

pytestmark = pytest.mark.integration

_SECONDS = 90.0
_INTERRUPT = b"\x03"
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# A controlling terminal, so that what is typed can interrupt it.
_ON_A_TERMINAL = "import os; os.login_tty(0); from runfold.__main__ import main; main()"


class Terminal:
    """A command on a terminal of its own: what it shows, and what is typed."""

    def __init__(self, runfold: Runfold, *arguments: str) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", _ON_A_TERMINAL, *arguments],
            env={**runfold.env, "COLUMNS": "160", "TERM": "xterm"},
            stdin=theirs, stdout=theirs, stderr=theirs,
        )  # fmt: skip
        os.close(theirs)
        self.shown = ""

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._ours, keys)

    def wait_for(self, text: str) -> None:
        """Read until a text is shown."""
        until = time.monotonic() + _SECONDS
        while text not in self.shown:
            assert time.monotonic() < until, self.shown
            assert self._read(), self.shown

    def end(self) -> int:
        """Read to the end and return the exit code."""
        while self._read():
            pass
        os.close(self._ours)
        return self.process.wait(_SECONDS)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._ours], [], [], _SECONDS)
        try:
            data = os.read(self._ours, 65_536) if ready else b""
        except OSError:
            # On Linux a terminal whose other side is closed cannot be read.
            data = b""
        self.shown += _COLOURS.sub("", data.decode("utf-8", "replace"))
        return bool(data)


@pytest.fixture(scope="module")
def runfold() -> Iterator[Runfold]:
    """A home in which demos are played one after another."""
    with stack.temporary_home() as home:
        yield Runfold(home)


def left_running(home: Path) -> list[str]:
    """Return the processes that know this home."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get("RUNFOLD_HOME") == str(home):
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


def test_a_demo_that_is_left_at_its_question_leaves_nothing_running(runfold: Runfold) -> None:
    terminal = Terminal(runfold, "demo")
    terminal.wait_for("Approve it? [y/N]")
    terminal.type(_INTERRUPT)
    assert terminal.end() == exits.INTERRUPTED, terminal.shown
    assert "the run is cancelled" in terminal.shown
    assert "Traceback (most" not in terminal.shown
    assert left_running(runfold.home) == []


def test_a_demo_that_is_left_while_it_starts_leaves_nothing_running(runfold: Runfold) -> None:
    terminal = Terminal(runfold, "demo")
    terminal.wait_for("starting")
    terminal.type(_INTERRUPT)
    assert terminal.end() == exits.INTERRUPTED, terminal.shown
    assert "Traceback (most" not in terminal.shown
    assert left_running(runfold.home) == []


def test_the_next_demo_goes_to_its_end_and_shows_everything(runfold: Runfold) -> None:
    terminal = Terminal(runfold, "demo")
    terminal.wait_for("Approve it? [y/N]")
    terminal.type(b"y\n")
    assert terminal.end() == exits.OK, terminal.shown
    for told in (
        "(scripted, no model)", "logs.stats", "files.search", "approved by me (person)",
        "✓ completed",
        "Triage of kafka.log", '"exit_code": 0', "FROM runs WHERE run_id", "FROM costs WHERE",
        "started_without_permit", "Nothing is left running",
    ):  # fmt: skip
        assert told in terminal.shown, told
    assert left_running(runfold.home) == []
    assert (runfold.home / "workspace" / "reports" / "kafka.log.md").is_file()


def test_a_demo_on_a_stack_that_is_up_leaves_it_up(runfold: Runfold, tmp_path: Path) -> None:
    log = tmp_path / "my app.log"
    log.write_text("2026-01-01 12:00:00 ERROR payment refused\n" * 3)
    runfold("up")
    try:
        said = runfold("demo", "--yes", "--file", str(log))
        assert "approved beforehand" in said
        assert "Triage of my app.log" in said
        assert runfold.json("status")["phase"] == "ready"
        assert runfold.json("audit", "verify")["sound"] is True
        # The demo that was left had its run cancelled.
        assert {row["status"] for row in runfold.json("runs")} == {"completed", "cancelled"}
    finally:
        runfold("down")
    assert left_running(runfold.home) == []


def test_a_log_that_is_not_there_is_said_before_anything_is_asked(runfold: Runfold) -> None:
    said = runfold("demo", "--yes", "--file", "/no/such.log", code=exits.NOT_FOUND)
    assert "There is no log file /no/such.log" in said
    assert left_running(runfold.home) == []
