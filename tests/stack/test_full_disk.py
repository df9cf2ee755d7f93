"""A disk without room is named as such, not by the last line of a program that it ended."""

from __future__ import annotations

import errno
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest

from runfold.stack.errors import NoRoomError, StackError
from runfold.stack.home import Home
from runfold.stack.kafka import broker
from runfold.stack.postgres import server
from runfold.stack.settings import Settings
from runfold.stack.supervisor import state
from runfold.stack.supervisor.member import Member, Patience
from runfold.stack.supervisor.supervision import Supervision


def test_a_full_disk_is_named_with_what_to_do(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(own_home)
    home.prepare()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=3_000_000))
    failing = own_home / "bin"
    failing.mkdir()
    (failing / "initdb").write_text("#!/bin/sh\necho 'removing data directory' >&2\nexit 1\n")
    (failing / "initdb").chmod(0o755)
    monkeypatch.setattr(server, "find", lambda _: failing)
    with pytest.raises(StackError) as refused:
        server.Postgres(home).start()
    assert "3 MB left" in str(refused.value)
    assert "RUNFOLD_HOME" in str(refused.value)


def test_with_room_the_reason_is_the_programs_own(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(own_home)
    home.prepare()
    failing = own_home / "bin"
    failing.mkdir()
    (failing / "initdb").write_text("#!/bin/sh\necho 'initdb: error: no locale' >&2\nexit 1\n")
    (failing / "initdb").chmod(0o755)
    monkeypatch.setattr(server, "find", lambda _: failing)
    with pytest.raises(StackError, match="no locale"):
        server.Postgres(home).start()


def test_a_broker_is_not_started_without_room(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(own_home)
    home.prepare()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=3_000_000))
    with pytest.raises(NoRoomError, match="3 MB left: make room, 50 MB at least"):
        broker.Broker(home, own_home).start()
    assert not list(home.kafka.iterdir())


class _Filled(broker.Broker):
    """A server that ends at once, and that has no room until ``full`` is unset."""

    full = False

    def start(self) -> subprocess.Popen[bytes]:
        if self.full:
            raise NoRoomError("no room")
        return subprocess.Popen([sys.executable, "-c", ""], start_new_session=True)


def test_a_server_without_room_is_not_given_up_and_starts_when_there_is(own_home: Path) -> None:
    home = Home(own_home)
    home.prepare()
    program = _Filled(home, own_home)
    member = Member(program, Patience(first=0.1, longest=1.0, ends=3))
    member.start()
    assert member.process is not None
    member.process.wait()
    program.full = True
    for second in range(30):
        member.watch(float(second))
        assert member.state == "waiting"
    assert member.reason == "no room"
    program.full = False
    member.watch(31.0)
    assert (member.state, member.restarts) == ("starting", 1)
    member.stop()


def test_a_stack_that_runs_goes_on_where_its_state_cannot_be_written(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(own_home)
    home.prepare()
    supervision = Supervision(Settings(own_home, own_home), home, ())
    known = home.run / "state.json"
    with monkeypatch.context() as broken:
        broken.setattr(Path, "write_text", _no_room)
        with pytest.raises(OSError, match="No space left"):
            supervision._say(state.STARTING)
        supervision._say(state.READY)
        supervision._look()
        assert state.read(known) is None
    supervision._look()
    read = state.read(known)
    assert read is not None
    assert read.phase == state.READY


def _no_room(*_: object) -> NoReturn:
    raise OSError(errno.ENOSPC, "No space left on device")
