"""Every supervised process has a port for Prometheus of its own, and keeps it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from runfold.stack.home import Home
from runfold.stack.settings import Settings
from runfold.stack.supervisor.member import Member
from runfold.stack.supervisor.plan import Process
from runfold.stack.supervisor.python_program import PythonProgram

_SAYS_ITS_PORT = ("-c", "import os; print(os.environ.get('RUNFOLD_METRICS_PORT'))")


def started(folder: Path, name: str, *, once: bool = False) -> tuple[int | None, str]:
    """The port that the stack reports for a process, and the one that the process was given."""
    home = Home(folder)
    settings = replace(Settings.from_env({}), home=folder)
    member = Member(PythonProgram(Process(name, _SAYS_ITS_PORT, once=once), settings, home))
    (folder / "run").mkdir(exist_ok=True)
    (folder / "logs").mkdir(exist_ok=True)
    member.start()
    assert member.process is not None
    told = member.tell().metrics_port
    member.process.wait(30)
    return told, (home.logs / f"{name}.log").read_text().splitlines()[-1]


def test_a_process_has_its_own_port_and_the_same_one_again(tmp_path: Path) -> None:
    runs, tools = started(tmp_path, "runs"), started(tmp_path, "tools")

    assert runs[0] is not None
    assert runs[1] == str(runs[0])
    assert tools[0] is not None
    assert tools[0] != runs[0]
    assert started(tmp_path, "runs") == runs


def test_what_runs_once_needs_none(tmp_path: Path) -> None:
    assert started(tmp_path, "topics", once=True) == (None, "None")
