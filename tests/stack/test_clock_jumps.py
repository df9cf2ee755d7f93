"""A supervisor whose machine's clock was set tries again what it had given up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runfold.stack.home import Home
from runfold.stack.settings import Settings
from runfold.stack.supervisor import state
from runfold.stack.supervisor.member import Member, Patience
from runfold.stack.supervisor.supervision import Supervision
from tests.stack.test_member import Script, ended, started


class Set:
    """A clock that is set by so many seconds before each look."""

    def __init__(self, *by: float) -> None:
        self._by = list(by)

    def look(self) -> float:
        return self._by.pop(0)


@pytest.fixture
def members() -> Iterator[list[Member]]:
    made = [
        ended(started(Script("raise SystemExit(3)", name=name), Patience(1.0, ends=1)), now=100.0)
        for name in ("given up", "refused")
    ]
    made[1].refused = True
    yield made
    for member in made:
        member.stop()


def test_what_was_given_up_is_tried_again_after_a_jump(
    members: list[Member], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = Home(tmp_path)
    home.run.mkdir()
    supervision = Supervision(Settings(home=tmp_path, cache=tmp_path), home, ())
    supervision._members = members
    for member in members:
        # Not because it has rested.
        member._back_at = float("inf")
    supervision._jumps = Set(0.0, -7200.0, 0.0)  # type: ignore[assignment]
    supervision._look()
    assert [member.state for member in members] == ["failed", "failed"]
    supervision._look()
    assert [member.state for member in members] == ["starting", "failed"]
    assert "clock was set back by 7200 s" in capsys.readouterr().err
    known = state.read(home.run / "state.json")
    assert known is not None
    assert [member.state for member in known.members] == ["starting", "failed"]
