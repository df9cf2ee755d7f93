"""The last lines of a build name what had to run again."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.again import block, failed


def test_what_ran_again_is_counted_and_named_with_its_end(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    before.write_text(json.dumps({"tests/b.py::test_two": True, "tests/a.py::test_one": True}))
    after.write_text(json.dumps({"tests/b.py::test_two": True}))

    assert block(failed(before), failed(after)).splitlines() == [
        "run again: 2 tests:",
        "  passed alone: tests/a.py::test_one",
        "  failed alone: tests/b.py::test_two",
    ]


def test_one_test_is_counted_as_one() -> None:
    assert block(["t"], []).splitlines() == ["run again: 1 test:", "  passed alone: t"]


def test_that_nothing_ran_again_is_said(tmp_path: Path) -> None:
    none = failed(tmp_path / "pytest wrote nothing")

    assert block(none, none) == "run again: 0 tests"
