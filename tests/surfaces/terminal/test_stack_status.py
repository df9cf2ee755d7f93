"""What ``runfold status`` says of a stack of which a part is not up."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runfold.stack import attaching
from runfold.stack.supervisor.state import MemberState, State
from runfold.surfaces.cli import exits
from runfold.surfaces.cli.__main__ import run
from runfold.surfaces.cli.operations.stack.addresses import (
    choose_monitor_port,
    monitor_url,
    without_password,
)


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_the_password_is_shown_to_whoever_asks_for_it(
    form: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = "postgresql://me:hidden@127.0.0.1:1/none"
    known = State("starting", 1, 1, 0.0, database_url=url)
    monkeypatch.setattr(attaching, "status", lambda _settings: known)
    run(["status", *form])
    assert "postgresql://me:***@127.0.0.1:1/none" in capsys.readouterr().out
    run(["status", "--show-password", *form])
    assert url in capsys.readouterr().out


@pytest.mark.parametrize(
    ("state", "code", "says"),
    [
        ("running", exits.OK, "The stack is ready (supervisor 1)."),
        ("waiting", exits.UNAVAILABLE, "ready, but a part is starting again: runs (supervisor 1)."),
        ("starting", exits.UNAVAILABLE, "but a part is starting again: runs"),
        ("failed", exits.UNAVAILABLE, "Given up: runs."),
    ],
)
def test_a_part_that_is_starting_again_is_said(
    state: str,
    code: int,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    members = (MemberState("runs", state), MemberState("topics", "done"))
    url = "postgresql://nobody@127.0.0.1:1/none"
    known = State("ready", 1, 1, 0.0, database_url=url, bootstrap_servers="x:1", members=members)
    monkeypatch.setattr(attaching, "status", lambda _settings: known)
    assert run(["status"]) == code
    assert says in capsys.readouterr().out


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hidden@127.0.0.1:1/none",
        "postgresql+psycopg://me:hidden@one:1,two:2/none?options=-c%20search_path%3Drunfold",
        "postgresql://127.0.0.1/none?user=me&password=hidden",
        "host=127.0.0.1 dbname=none user=me password=hidden",
    ],
)
def test_no_form_of_an_address_shows_the_password(url: str) -> None:
    shown = without_password(url)
    assert "hidden" not in shown
    assert "***" in shown
    assert "none" in shown


def test_an_address_without_a_password_is_shown_as_it_is() -> None:
    url = "postgresql://me@127.0.0.1:1/none?options=-c%20search_path%3Drunfold"
    assert without_password(url) == url


def test_the_page_of_the_monitor_is_shown_once_it_has_a_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert monitor_url(tmp_path) is None
    choose_monitor_port(tmp_path)
    chosen = monitor_url(tmp_path)
    assert chosen is not None
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", chosen)
    choose_monitor_port(tmp_path)
    assert monitor_url(tmp_path) == chosen
    monkeypatch.setenv("RUNFOLD_MONITOR_PORT", "8123")
    assert monitor_url(tmp_path) == "http://127.0.0.1:8123/"
