"""Every command has its place in the help, and every example is taken by the command line."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from typing import Any

import pytest

from runfold.projections.store.rebuild import Difference
from runfold.projections.views import VIEWS
from runfold.surfaces.cli import exits
from runfold.surfaces.cli.__main__ import run
from runfold.surfaces.cli.app import command_line
from runfold.surfaces.cli.help import EXAMPLES, IN_SHORT, SECTIONS
from runfold.surfaces.cli.operations.data.rebuilding import told
from runfold.surfaces.cli.output import short

_ALL = [(name, line) for name, lines in EXAMPLES.items() for line in lines]


def test_every_command_stands_in_one_section() -> None:
    placed = Counter(name for names in SECTIONS.values() for name in names)
    assert placed == Counter(command_line().commands.keys())


@pytest.mark.parametrize(("name", "line"), _ALL, ids=[line for _, line in _ALL])
def test_an_example_is_taken(name: str, line: str) -> None:
    words = shlex.split(re.split("[|>]", line)[0])
    path = name.split()
    assert words[: len(path) + 1] == ["runfold", *path]
    command: Any = command_line()
    for word in path:
        command = command.commands[word]
    # What it does not know it refuses.
    assert command.make_context(name, words[len(path) + 1 :]).params


def test_every_command_says_what_it_does_within_80_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["--help"]) == exits.OK
    said = capsys.readouterr().out
    lines = said.splitlines()
    assert set(IN_SHORT) <= set(command_line().commands)
    for name in command_line().commands:
        (line,) = (each for each in lines if each.split()[:1] == [name])
        assert line.endswith("."), line
        assert not line.endswith("..."), line
        assert len(line) <= 80


def test_an_unknown_command_leads_to_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rnus"]) == exits.USAGE
    assert "Did you mean 'runs'" in (said := capsys.readouterr().err)
    assert "See runfold --help." in said
    assert run(["sequel"]) == exits.USAGE
    assert "See runfold --help." in capsys.readouterr().err


def test_ids_in_examples_are_as_long_as_tables_print_them() -> None:
    ids = [word for _, line in _ALL for word in line.split() if word.startswith("0198")]
    assert ids
    assert all(
        word == short(f"{word.partition('.')[0]:0<36}.{word.partition('.')[2]}").rstrip(".")
        and len(word.partition(".")[0]) == 18
        for word in ids
    )


@pytest.mark.parametrize("option", ["--max-cost", "--max-tokens", "--max-seconds"])
def test_a_limit_below_0_is_refused_where_it_is_typed(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["run", "x", option, "-1"]) == exits.USAGE
    assert option in capsys.readouterr().err


def test_a_shell_can_complete_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_RUNFOLD_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "runfold appro")
    monkeypatch.setenv("COMP_CWORD", "1")
    with pytest.raises(SystemExit):
        run([])
    assert capsys.readouterr().out.split() == ["approvals", "approve"]


def test_a_difference_is_told_by_row_and_column() -> None:
    (table,) = VIEWS["costs"].tables
    row = {column.name: None for column in table.columns} | {"run_id": "r", "seq": 4}
    found = Difference(
        "costs",
        2,
        2,
        [
            {"side": "live", "table": "costs", **row, "cost_usd": 1, "agent": "a"},
            {"side": "live", "table": "costs", **row, "seq": 5},
            {"side": "rebuilt", "table": "costs", **row, "cost_usd": 2, "agent": "a"},
            {"side": "rebuilt", "table": "costs", **row, "seq": 6},
        ],
    )
    assert list(told(found.view, found.examples)) == [
        "  costs run_id=r seq=4",
        "    cost_usd",
        "      - live          1",
        "      + folded again  2",
        "  costs run_id=r seq=5: only in the live view",
        "  costs run_id=r seq=6: only in the new fold",
    ]
