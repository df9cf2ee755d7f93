"""A disk without room is named as such, not by the last line of a program that it ended."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from stack import postgres
from stack.errors import StackError
from stack.home import Home


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
    monkeypatch.setattr(postgres, "find", lambda _: failing)
    with pytest.raises(StackError) as refused:
        postgres.Postgres(home).start()
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
    monkeypatch.setattr(postgres, "find", lambda _: failing)
    with pytest.raises(StackError, match="no locale"):
        postgres.Postgres(home).start()
