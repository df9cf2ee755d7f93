"""How a stack ends: calls may end first, for a time; who insists cuts them off and is told."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runfold.infra.metrics.serving import serve_metrics
from runfold.infra.process.health import Health
from runfold.stack import bringing_down, ports
from runfold.stack.home import Home
from runfold.stack.processes import telling
from runfold.stack.processes.telling import Fault, Told
from runfold.stack.settings import Settings
from runfold.stack.supervisor import state
from runfold.stack.supervisor.member import Member
from runfold.stack.supervisor.plan import Process
from runfold.stack.supervisor.python_program import PythonProgram
from runfold.stack.supervisor.stopping import Stopping, longest
from runfold.surfaces.cli.operations.stack.ending import Ending, cost_of, waited_for
from tests.stack.test_member import Script

UnderWay = bringing_down.UnderWay

# It ends when it was asked to and the other one was, too: one after another would wait for ever.
ASKED = """
import pathlib, signal, sys, time
here, other = map(pathlib.Path, sys.argv[1:])
def asked(*_):
    here.touch()
    while not other.exists():
        time.sleep(0.01)
    sys.exit(0)
signal.signal(signal.SIGTERM, asked)
here.with_suffix(".on").touch()
while True:
    time.sleep(0.05)
"""


class _Here(PythonProgram):
    """A process of Runfold whose program is given."""

    def start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", *self.spec.arguments], start_new_session=True
        )


def program(tmp_path: Path, process: Process, env: dict[str, str] | None = None) -> _Here:
    settings = Settings(tmp_path, tmp_path)
    return _Here(process, settings, Home(tmp_path), environment=env or {})


def running(tmp_path: Path, name: str, other: str, stop_seconds: float) -> Member:
    places = (str(tmp_path / name), str(tmp_path / other))
    process = Process(name, (ASKED, *places), stop_seconds=stop_seconds)
    member = Member(program(tmp_path, process))
    member.start()
    while not (tmp_path / f"{name}.on").exists():
        time.sleep(0.01)
    return member


# It has something to put away before it ends.
SERVER = """
import pathlib, signal, sys, time
def asked(*_):
    time.sleep(0.3)
    sys.exit(0)
signal.signal(signal.SIGTERM, asked)
pathlib.Path({on!r}).touch()
time.sleep(600)
"""


def server(tmp_path: Path) -> Member:
    on = tmp_path / "server.on"
    member = Member(Script(SERVER.format(on=str(on)), name="server", stop_seconds=60.0))
    member.start()
    while not on.exists():
        time.sleep(0.01)
    return member


def pause() -> None:
    time.sleep(0.01)


def test_processes_are_asked_together_and_the_servers_after_them(tmp_path: Path) -> None:
    members = [
        server(tmp_path),
        running(tmp_path, "a", "b", 60.0),
        running(tmp_path, "b", "a", 60.0),
    ]
    seen: list[list[str]] = []
    Stopping(members, lambda: seen.append([m.state for m in members]), pause, lambda: False).run()

    assert [member.state for member in members] == ["stopped"] * 3
    assert seen[0] == ["starting", "stopping", "stopping"]
    assert ["stopping", "stopped", "stopped"] in seen
    assert all(states[1:] == ["stopped"] * 2 for states in seen if states[0] == "stopping")


def test_who_insists_ends_processes_at_once_and_servers_as_ever(tmp_path: Path) -> None:
    hurrying: list[bool] = []
    members = [server(tmp_path), running(tmp_path, "a", "never", 3600.0)]
    processes = [member.process for member in members]

    def look() -> None:
        pause()
        if (tmp_path / "a").exists():
            hurrying.append(True)

    Stopping(members, lambda: None, look, lambda: bool(hurrying)).run()
    ends = [process.returncode for process in processes if process is not None]

    assert ends == [0, -signal.SIGKILL]


def test_what_makes_calls_has_its_drain_and_a_little_more(tmp_path: Path) -> None:
    def waits(process: Process, env: dict[str, str]) -> float:
        return program(tmp_path, process, env).stop_seconds

    calls, other = Process("c", (), calls=True), Process("o", ())
    assert waits(other, {"RUNFOLD_DRAIN_S": "900"}) == other.stop_seconds
    assert waits(calls, {"RUNFOLD_DRAIN_S": "900"}) == 900 + calls.stop_seconds
    assert waits(calls, {}) == 120 + calls.stop_seconds
    # The process itself refuses such a value; its supervisor must not fall over it.
    assert waits(calls, {"RUNFOLD_DRAIN_S": "soon"}) == 120 + calls.stop_seconds
    members = [
        Member(program(tmp_path, calls, {"RUNFOLD_DRAIN_S": "900"})),
        Member(Script("", stop_seconds=30.0)),
        Member(Script("", stop_seconds=20.0)),
    ]
    assert longest(members) >= 900 + calls.stop_seconds + 30


def test_a_process_says_at_its_port_what_it_is_doing(tmp_path: Path) -> None:
    port = ports.claim(tmp_path / "ports.json", ("p",))["p"]
    health = Health("p", "ready")
    serving = serve_metrics(port, health)
    assert serving is not None
    try:
        assert telling.ask(port) == Told()
        health.reports["calls"] = lambda: {
            "under_way": 3,
            "left_s": 27.0,
            "unsafe": 1,
            "drain_s": 60.0,
        }
        health.reports["modules"] = lambda: {
            "allowed": ("shop", "slow"),
            "importing": ["slow"],
            "faults": [{"module": "shop", "why": "no"}],
        }
        assert telling.ask(port) == Told(
            3, 27.0, 1, 60.0, ("slow",), (Fault("shop", "no"),), ("shop", "slow")
        )
        member = state.MemberState("p", "running", metrics_port=port, metrics_address="127.0.0.1")
        away = state.MemberState("q", "running", metrics_port=1, metrics_address="127.0.0.1")
        known = state.State("ready", 1, 1, 0.0, members=(member, member, away))
        assert bringing_down.under_way(known) == UnderWay(6, 27.0, 2, 60.0)
        for nonsense in ({"under_way": "many"}, ["no object"], {"under_way": None}):
            health.reports["calls"] = lambda nonsense=nonsense: nonsense  # type: ignore[misc]
            assert telling.ask(port) is None
    finally:
        serving.close()
    assert telling.ask(port) is None
    assert telling.ask(None) is None


@pytest.mark.parametrize(
    ("now", "says"),
    [
        (UnderWay(3, 27.0, 1, 120.0), "3 calls under way, up to 27 s"),
        (
            UnderWay(1, 300.0, 1, 120.0),
            "1 call under way, up to 300 s; cut off after 120 s (RUNFOLD_DRAIN_S)",
        ),
    ],
)
def test_what_is_waited_for_is_said(now: bringing_down.UnderWay, says: str) -> None:
    assert waited_for(now) == says


@pytest.mark.parametrize(
    ("last", "says"),
    [
        (None, "Hurrying; no call was known to be under way."),
        (UnderWay(2, 9.0, 0), "Cut off 2 calls: 2 will be made again."),
        (UnderWay(1, 9.0, 1), "Cut off 1 call: 1 will be uncertain: `runfold approvals` lists"),
        (UnderWay(3, 9.0, 1), "Cut off 3 calls: 2 will be made again; 1 will be uncertain:"),
    ],
)
def test_what_cutting_off_cost_is_said(last: bringing_down.UnderWay | None, says: str) -> None:
    assert cost_of(last).startswith(says)


def test_the_first_interrupt_says_what_the_second_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from runfold.stack import control  # noqa: PLC0415 - what is put in its place

    settings, done = Settings(tmp_path, tmp_path), list[str]()

    def down(_settings: Settings, tell: object) -> bool:
        assert callable(tell)
        tell(UnderWay(3, 27.0, 1, 120.0))
        if len(done) < 2:
            done.append("interrupted")
            raise KeyboardInterrupt
        return True

    monkeypatch.setattr(control, "down", down)
    monkeypatch.setattr(control, "hurry", lambda _settings: done.append("hurried"))
    assert Ending(settings).run()
    assert done == ["interrupted", "interrupted", "hurried"]
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines[:2] == [
        "3 calls under way, up to 27 s",
        "Still waiting; Ctrl-C again cuts off the calls under way.",
    ]
    assert lines[2].startswith("Cut off 3 calls: 2 will be made again; 1 will be uncertain:")
