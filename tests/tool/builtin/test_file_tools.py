"""What the file tools answer."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from runfold.events.calls import Outcome
from tests.tool.given import Bench, builtin, error_type, said


def _use(name: str, root: Path, **arguments: object) -> Any:
    return said(Bench(builtin(name, root=str(root))).call(arguments))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    lines = [f"line {n}" for n in range(1, 101)]
    (tmp_path / "a.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_a_range_of_lines(root: Path) -> None:
    found = _use("files.read", root, path="a.txt", start_line=3, end_line=5)
    assert found["text"] == "line 3\nline 4\nline 5\n"
    assert (found["start_line"], found["end_line"], found["next_line"]) == (3, 5, 6)
    assert not found["truncated"]


def test_reading_on_where_the_bytes_ran_out_gives_the_whole_file(root: Path) -> None:
    text, line, more = "", 1, True
    while more:
        found = _use("files.read", root, path="a.txt", start_line=line, max_bytes=70)
        assert found["bytes"] <= 70
        text, line, more = text + found["text"], found["next_line"], found["truncated"]
    assert text == (root / "a.txt").read_text()


def test_reading_on_by_offset_gives_the_whole_file(root: Path) -> None:
    text, offset, more = "", 0, True
    while more:
        found = _use("files.read", root, path="a.txt", offset=offset, max_bytes=100)
        text, offset, more = text + found["text"], found["next_offset"], found["truncated"]
    assert text == (root / "a.txt").read_text()


def test_a_line_longer_than_allowed_is_cut(root: Path) -> None:
    (root / "long.txt").write_text("x" * 1000)
    found = _use("files.read", root, path="long.txt", max_bytes=10)
    assert (found["text"], found["truncated"]) == ("x" * 10, True)


def test_beyond_the_end_there_is_nothing(root: Path) -> None:
    found = _use("files.read", root, path="a.txt", start_line=500)
    assert (found["text"], found["truncated"]) == ("", False)


def test_a_binary_file_is_refused(root: Path) -> None:
    (root / "b").write_bytes(b"a\0b")
    result = Bench(builtin("files.read", root=str(root))).call({"path": "b"})
    assert error_type(result) == "invalid_arguments"


def test_a_list_may_be_narrowed_and_cut(root: Path) -> None:
    for name in ("b.log", "c.log"):
        (root / name).touch()
    found = _use("files.list", root, pattern="*.log")
    assert [entry["path"] for entry in found["entries"]] == ["b.log", "c.log"]
    assert _use("files.list", root, limit=1)["truncated"]


def test_a_search_counts_all_and_shows_some(root: Path) -> None:
    found = _use("files.search", root, path="a.txt", pattern=r"line \d$", max_matches=2)
    assert [(match["line"], match["text"]) for match in found["matches"]] == [
        (1, "line 1"),
        (2, "line 2"),
    ]
    assert (found["count"], found["truncated"], found["lines_searched"]) == (9, True, 100)


def test_a_search_shows_the_lines_around(root: Path) -> None:
    found = _use("files.search", root, path="a.txt", pattern="line 50", context_lines=2)
    (match,) = found["matches"]
    assert match["before"] == ["line 48", "line 49"]
    assert match["after"] == ["line 51", "line 52"]


def test_a_search_for_text_takes_the_pattern_as_it_is(root: Path) -> None:
    (root / "b.txt").write_text("a.c\nabc\n")
    found = _use("files.search", root, path="b.txt", pattern="a.c", regex=False)
    assert [match["line"] for match in found["matches"]] == [1]


def test_a_search_may_ignore_case_and_begin_later(root: Path) -> None:
    found = _use(
        "files.search", root, path="a.txt", pattern="LINE", ignore_case=True, start_line=99
    )
    assert [match["line"] for match in found["matches"]] == [99, 100]


def test_a_pattern_that_is_none_is_refused(root: Path) -> None:
    result = Bench(builtin("files.search", root=str(root))).call({"pattern": "("})
    assert error_type(result) == "invalid_arguments"


def test_a_catastrophic_pattern_is_cut_off(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runfold.processors.tool.builtin.files_search._TIME_LIMIT_S", 0.5)
    (root / "evil.txt").write_text("a" * 3000 + "!\n")
    bench = Bench(builtin("files.search", root=str(root)))
    result = bench.call({"path": "evil.txt", "pattern": "(a+)+$"})
    assert (result.outcome, error_type(result)) == (Outcome.FAILED, "timeout")


def test_a_report_is_written_whole(root: Path) -> None:
    found = _use("report.write", root, path="deep/er/report.md", markdown="# Ünicode\n")
    data = (root / "deep" / "er" / "report.md").read_bytes()
    assert data == "# Ünicode\n".encode()
    assert (found["bytes"], found["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert found["location"] == str(root / "deep/er/report.md")
    assert [path.name for path in (root / "deep" / "er").iterdir()] == ["report.md"]


def test_writing_a_report_twice_with_one_key_writes_once(root: Path) -> None:
    bench = Bench(builtin("report.write", root=str(root)))
    arguments = {"path": "r.md", "markdown": "# once"}
    first = bench.call(arguments)
    (root / "r.md").write_text("changed by somebody")
    second = bench.call(arguments)
    assert (second.repeated, second.result) == (True, first.result)
    assert (root / "r.md").read_text() == "changed by somebody"


def test_a_report_is_markdown(root: Path) -> None:
    bench = Bench(builtin("report.write", root=str(root)))
    result = bench.call({"path": "r.sh", "markdown": "#!/bin/sh"})
    assert error_type(result) == "invalid_arguments"
    assert not (root / "r.sh").exists()


def test_a_name_that_is_not_utf_8_is_shown_and_hides_no_other_file(root: Path) -> None:
    Path(os.fsdecode(os.fsencode(root) + b"/\xff.txt")).write_text("line 7\n")
    listed = _use("files.list", root)
    assert [entry["path"] for entry in listed["entries"]] == ["a.txt", "\\xff.txt"]
    found = _use("files.search", root, pattern="^line 7$")
    assert [match["path"] for match in found["matches"]] == ["a.txt", "\\xff.txt"]
