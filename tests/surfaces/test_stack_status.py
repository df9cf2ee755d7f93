"""What ``runfold status`` says of a stack of which a part is not up."""

from __future__ import annotations

import pytest

from runfold.stack import control
from runfold.stack.supervisor.state import MemberState, State
from runfold.surfaces.cli import exits
from runfold.surfaces.cli.__main__ import run


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_the_password_is_shown_to_whoever_asks_for_it(
    form: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = "postgresql://me:hidden@127.0.0.1:1/none"
    known = State("starting", 1, 1, 0.0, database_url=url)
    monkeypatch.setattr(control, "status", lambda _settings: known)
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
    monkeypatch.setattr(control, "status", lambda _settings: known)
    assert run(["status"]) == code
    assert says in capsys.readouterr().out
