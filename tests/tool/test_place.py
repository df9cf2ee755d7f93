"""An import that failed is said with the line where its author has to look."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from runfold.processors.tool.children.inside.module import imported
from runfold.processors.tool.children.inside.place import place_of


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("\n\nimport nowhere_here", "placed/part.py:3"),
        ("\ndef f(:\n", "placed/part.py:2"),
        # The line of a library is not where its user has to look.
        ("import json\n\njson.loads('x')", "placed/part.py:3"),
        ("from placed import other", "placed/other.py:2"),
        ("raise SystemExit('no')", "placed/part.py:1"),
    ],
)
def test_the_line_is_in_the_code_of_the_author(
    text: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "placed"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "other.py").write_text("\nraise ValueError\n")
    (package / "part.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises((Exception, SystemExit)) as raised:
        importlib.import_module("placed.part")
    for name in ("placed", "placed.part", "placed.other"):
        sys.modules.pop(name, None)
    assert place_of(raised.value) == place


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("raise ValueError('x' * 9000)", "xxx (placed_alone.py:1)"),
        ("class E(SyntaxError): filename = 3\nraise E", "placed_alone cannot be imported: E: "),
    ],
)
def test_whatever_the_error_is_one_short_sentence_comes_of_it(
    text: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "placed_alone.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    tools, said = imported("placed_alone")
    assert tools is None
    message = said.text("message")
    assert says in message
    assert len(message) < 500


def test_a_module_that_is_not_there_has_no_line() -> None:
    tools, said = imported("nowhere_at_all")
    assert tools is None
    why = "ModuleNotFoundError: No module named 'nowhere_at_all'"
    assert said.text("message") == f"nowhere_at_all cannot be imported: {why}"
