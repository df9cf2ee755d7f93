"""``up --watch``: which files belong to tools and manifests, and when a change of them is told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from runfold.surfaces.cli.context import Context
from runfold.surfaces.cli.operations.stack import watching
from runfold.surfaces.cli.operations.stack.watching import Changes, code_files, manifest_files


def test_a_change_is_told_once_when_the_files_have_come_to_rest(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("a")
    changes = Changes(lambda: [one, two])
    assert changes.look() == ()
    one.write_text("ab")
    # Another one may be written in a moment.
    assert changes.look() == ()
    two.write_text("new")
    assert changes.look() == ()
    assert changes.look() == (one, two)
    assert changes.look() == ()
    two.unlink()
    assert [changes.look(), changes.look()] == [(), (two,)]
    # What was put back before anybody was told is no change.
    stamp = one.stat()
    one.write_text("abc")
    assert changes.look() == ()
    one.write_text("ab")
    import os  # noqa: PLC0415 - of this test alone

    os.utime(one, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert [changes.look(), changes.look()] == [(), ()]


def test_modules_are_found_as_a_process_finds_them_and_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, path = tmp_path / "here", tmp_path / "path"
    for folder in (here / "watched_package" / "part" / "__pycache__", path):
        folder.mkdir(parents=True)
    monkeypatch.syspath_prepend(str(path))
    for name in ("__init__.py", "part/refunds.py", "part/notes.txt", "part/__pycache__/x.py"):
        (here / "watched_package" / name).write_text("raise SystemExit")
    (path / "watched_module.py").write_text("raise SystemExit")
    modules = ("watched_package.part", "watched_package", "watched_module", "nowhere", "sys")
    found = set(code_files(modules, here))
    assert found == {
        here / "watched_package" / "__init__.py",
        here / "watched_package" / "part" / "refunds.py",
        path / "watched_module.py",
    }
    assert not {"watched_package", "watched_module"} & set(sys.modules)
    # One that is written later is found later.
    (path / "nowhere.py").touch()
    assert set(code_files(modules, here)) == {*found, path / "nowhere.py"}


def test_manifests_are_found_in_folders(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.yaml").touch()
    (tmp_path / "b.yml").touch()
    (tmp_path / "c.txt").touch()
    assert set(manifest_files([tmp_path, tmp_path / "c.txt"])) == {
        tmp_path / "deep" / "a.yaml",
        tmp_path / "b.yml",
        tmp_path / "c.txt",
    }


def test_what_changes_is_used_and_what_goes_wrong_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module, manifest = tmp_path / "watched_tools.py", tmp_path / "agents.yaml"
    for file in (module, manifest):
        file.touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("RUNFOLD_TOOL_MODULES", "watched_tools")
    done: list[str] = []

    def publish(*_: object) -> None:
        done.append("published")
        raise RuntimeError("no broker")

    monkeypatch.setattr(watching, "_publish", publish)
    monkeypatch.setattr(watching, "_restart", lambda *_: done.append("restarted"))
    steps = iter(
        [
            lambda: module.write_text("1"),
            lambda: None,
            lambda: manifest.write_text("2"),
            lambda: None,
        ]
    )

    def pause(_seconds: float) -> None:
        step = next(steps, None)
        if step is None:
            raise KeyboardInterrupt
        step()

    monkeypatch.setattr(watching.time, "sleep", pause)
    watching.watch(Context(), [manifest])
    assert done == ["restarted", "published"]
    said = capsys.readouterr().out
    assert "Watching watched_tools, " in said
    assert "watched_tools.py changed" in said
    assert "no broker" in said
    assert "The stack stays up" in said
