"""Whatever a model or a tool says, it cannot steer the terminal of the person who reads it."""

from __future__ import annotations

import ast
import io
import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from runfold.events import run as j
from runfold.events.contents.content import json_content, text
from runfold.surfaces import words
from runfold.surfaces.cli import output
from runfold.surfaces.cli.terminal import Terminal
from runfold.surfaces.visible import on_one_line, visible, visible_json

CLI = Path(__file__).parents[2] / "surfaces" / "cli"
STEERING = {
    "clear the screen": "\x1b[2J",
    "set the title": "\x1b]0;approved\x07",
    "fill the clipboard": "\x1b]52;c;cm0gLXJm\x07",
    "overwrite the line": "rm -rf /\rls",
    "delete backwards": "rm\x08\x08ls",
    "an escape of one byte": "\x9b2J",
    "turn the direction": "invoice\u202efdp.exe",
    "isolate": "a\u2066b\u2069c",
    "no width": "pay\u200bpal",
    "a line that is none": "a\u2028run approved",
    "a tag": "a\U000e0041b",
    "half a character": "a\ud83db",
}


_OVERRIDES = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}


def harmless(shown: str) -> bool:
    """By what Unicode says of each character, not by our own list."""
    return all(
        c in "\n\t"
        or (
            (unicodedata.category(c) not in {"Cc", "Cs", "Zl", "Zp"})
            and unicodedata.bidirectional(c) not in _OVERRIDES
        )
        for c in shown
    )


@pytest.mark.parametrize("said", STEERING.values(), ids=STEERING)
def test_what_steers_is_shown_and_nothing_is_dropped(said: str) -> None:
    shown = visible(said)
    assert harmless(shown)
    assert len(shown) >= len(said)
    assert shown.encode()


@pytest.mark.parametrize("said", STEERING.values(), ids=STEERING)
def test_no_way_of_printing_lets_it_through(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for on_a_terminal in (True, False):
        file = io.StringIO()
        monkeypatch.setattr(file, "isatty", lambda found=on_a_terminal: found)
        monkeypatch.setattr("sys.stdout", file)
        console = Terminal(file=file, color_system=None, width=200)
        grid = Table(title=said)
        grid.add_column(said)
        grid.add_row(Text(said))
        for each in (said, Text(said, "bold"), grid, {"key": said}):
            console.print(each)
        console.rule(Text(said))
        output.table(["one", "two"], [[said, said], ["a", said]], "nothing")
        output.console().print(said)
        found = file.getvalue()
        assert "\x1b]" not in found
        assert harmless(found.replace("\x1b[0m", "").replace("\x1b[2m", "").replace("\x1b[1m", ""))


@pytest.mark.parametrize("said", STEERING.values(), ids=STEERING)
def test_a_cell_cannot_pass_for_several_lines(
    said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output.table(["tool", "said"], [["look", f"{said}\nrun  completed"]], "nothing")
    assert len(capsys.readouterr().out.splitlines()) == 2


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",))))
def test_json_is_the_same_value_when_it_is_read(said: str) -> None:
    shown = visible_json(json.dumps({"said": said}, ensure_ascii=False))
    assert json.loads(shown) == {"said": said}
    assert harmless(shown)


def test_words_and_scripts_of_people_stay_as_they_are() -> None:
    for said in ("Grüße", "שלום עולם", "مرحبا", "日本語", "👩‍👩‍👧", "a\tb\nc", "नमस्ते"):
        assert visible(said) == said
    assert on_one_line("a\nb") == "a\u2424b"


def test_a_sentence_about_a_fact_is_one_line_that_steers_nothing() -> None:
    arguments = json_content({"path": "\x1b[2Ja\nb"})
    proposed = j.ToolCallProposed(
        call_id="r.1",
        model_call_id="r.0",
        provider_call_id="c",
        tool="\x1b]0;x\x07look",
        tool_version="1",
        arguments=arguments,
        reason="",
        risk_level=0,
        idempotency_key="r.1",
    )
    shown = visible(words.said(proposed))
    assert harmless(shown)
    assert words.arguments(arguments) == 'path="␛[2Ja b"'
    assert words.shortened("a\u202eb") == "a\\u202eb"
    assert text("x").size == 1


@pytest.mark.parametrize("module", sorted(CLI.rglob("*.py")), ids=lambda path: path.stem)
def test_no_command_prints_past_the_terminal(module: Path) -> None:
    """Only ``output`` and the entry point write; everybody else prints on ``output.console()``."""
    tree = ast.parse(module.read_text())
    names = {
        f"{ast.unparse(node.func)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute)
    }
    # A protocol on standard output is for a program, not for a terminal.
    allowed = {"output.py", "terminal.py", "__main__.py", "mcp.py"}
    if module.name not in allowed:
        assert names.isdisjoint({"print", "Console", "sys.stdout.write", "sys.stderr.write"})
