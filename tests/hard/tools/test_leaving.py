"""What a call changes in its process, another call does not meet."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hard.tools.hostile import REPLACED, RESTORED
from tests.hard.tools.nest import Nest, members_of, value


@pytest.mark.parametrize("what", [*RESTORED, "_streams", *REPLACED])
def test_a_change_is_put_back_or_the_process_is_replaced(
    what: str, nest: Nest, tmp_path: Path
) -> None:
    before = value(nest.one("looks", name="X"))
    changed = value(nest.one("changes", what=what, folder=str(tmp_path)))
    after = value(nest.one("looks", name="X"))
    assert changed == before.pop("pid")
    if what in REPLACED:
        assert after.pop("pid") != changed
    else:
        assert after.pop("pid") == changed
    assert after == before


def test_a_copy_that_a_tool_makes_of_its_process_is_not_heard(nest: Nest) -> None:
    for _ in range(5):
        worker = value(nest.one("naps", seconds=0.0))
        assert value(nest.one("copies")) == worker
        assert value(nest.one("works", text="mine")) == "mine"


def test_what_a_call_started_ends_with_its_process(nest: Nest, tmp_path: Path) -> None:
    pid = value(nest.one("changes", what="_process", folder=str(tmp_path)))
    while members_of(pid):
        nest.one("naps", seconds=0.05)
