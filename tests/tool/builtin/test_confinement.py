"""File tools stay beneath their root, whatever a path says."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runfold.events.calls import Outcome, ToolResult
from tests.tool.given import Bench, builtin, error_type, said

SECRET = "top secret"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "inside").mkdir(parents=True)
    (root / "inside" / "a.log").write_text("INFO fine\n")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.md").write_text(SECRET)
    (root / "link.md").symlink_to(outside / "secret.md")
    (root / "linked").symlink_to(outside)
    (root / "inner-link").symlink_to("inside")
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "pipe")
    return root


ESCAPES = [
    "../outside/secret.md",
    "inside/../../outside/secret.md",
    "inside/..//../outside/secret.md",
    "/etc/passwd",
    "//etc/passwd",
    "link.md",
    "linked/secret.md",
    "inner-link/a.log",
    "loop",
    "loop/secret.md",
    "inside/\0",
    "..",
]

Use = Callable[[Path, str], ToolResult]


def _read(root: Path, path: str) -> ToolResult:
    return Bench(builtin("files.read", root=str(root))).call({"path": path})


def _list(root: Path, path: str) -> ToolResult:
    return Bench(builtin("files.list", root=str(root))).call({"path": path, "recursive": True})


def _search(root: Path, path: str) -> ToolResult:
    bench = Bench(builtin("files.search", root=str(root)))
    return bench.call({"path": path, "pattern": "secret"})


def _stats(root: Path, path: str) -> ToolResult:
    return Bench(builtin("logs.stats", root=str(root))).call({"path": path})


def _write(root: Path, path: str) -> ToolResult:
    bench = Bench(builtin("report.write", root=str(root)))
    return bench.call({"path": path, "markdown": "overwritten"})


READERS = [_read, _list, _search, _stats]


@pytest.mark.parametrize("path", ESCAPES)
@pytest.mark.parametrize("use", READERS)
def test_no_path_leads_out(root: Path, use: Use, path: str) -> None:
    result = use(root, path)
    assert (result.outcome, error_type(result)) == (Outcome.FAILED, "denied")
    assert SECRET not in result.model_dump_json(exclude={"result"})


@pytest.mark.parametrize("path", [f"{path.rstrip('/')}/x.md" for path in ESCAPES if path[-1] > " "])
def test_no_report_is_written_outside(root: Path, path: str) -> None:
    before = {found: found.lstat().st_mtime_ns for found in root.parent.rglob("*")}
    assert error_type(_write(root, path)) in {"denied", "not_found"}
    assert {found: found.lstat().st_mtime_ns for found in root.parent.rglob("*")} == before


def test_a_report_replaces_a_link_and_not_its_target(root: Path) -> None:
    assert _write(root, "link.md").outcome is Outcome.SUCCEEDED
    assert (root.parent / "outside" / "secret.md").read_text() == SECRET
    assert (root / "link.md").read_text() == "overwritten"
    assert not (root / "link.md").is_symlink()


@pytest.mark.parametrize("use", [_read, _search, _stats])
def test_a_pipe_is_no_file_and_nobody_waits_for_it(root: Path, use: Use) -> None:
    assert error_type(use(root, "pipe")) == "denied"


def test_links_are_listed_and_not_followed(root: Path) -> None:
    entries = {entry["path"]: entry["type"] for entry in said(_list(root, "."))["entries"]}
    assert entries == {
        "inner-link": "link",
        "inside": "folder",
        "inside/a.log": "file",
        "link.md": "link",
        "linked": "link",
        "loop": "link",
        "pipe": "other",
    }


def test_a_folder_is_searched_without_its_links(root: Path) -> None:
    (root / "plain.txt").write_text("no secret here\n")
    found = said(_search(root, "."))
    assert [match["path"] for match in found["matches"]] == ["plain.txt"]


@pytest.mark.parametrize("path", ["inside/a.log", "./inside/a.log", "inside//a.log"])
def test_plain_paths_are_read(root: Path, path: str) -> None:
    assert said(_read(root, path))["text"] == "INFO fine\n"


def test_a_missing_file_is_said_to_be_missing(root: Path) -> None:
    assert error_type(_read(root, "inside/b.log")) == "not_found"
    assert error_type(_search(root, "inside/b.log")) == "not_found"


def test_a_tool_without_a_root_is_unavailable() -> None:
    assert error_type(Bench(builtin("files.read")).call({"path": "a"})) == "unavailable"
    relative = Bench(builtin("files.read", root="work"))
    assert error_type(relative.call({"path": "a"})) == "unavailable"


def test_a_root_may_be_one_folder_a_tenant(root: Path) -> None:
    bench = Bench(builtin("files.read", root=f"{root}/{{tenant_id}}"))
    (root / "acme").mkdir()
    (root / "acme" / "a.txt").write_text("ours")
    assert said(bench.call({"path": "a.txt"}))["text"] == "ours"
    assert error_type(bench.call({"path": "a.txt"}, tenant_id="other")) == "not_found"
    assert error_type(bench.call({"path": "inside/a.log"}, tenant_id="..")) == "denied"


def test_a_root_that_is_itself_a_link_is_the_operator_s_choice(root: Path) -> None:
    (root.parent / "elsewhere").symlink_to(root)
    bench = Bench(builtin("files.read", root=str(root.parent / "elsewhere")))
    assert said(bench.call({"path": "inside/a.log"}))["text"] == "INFO fine\n"
