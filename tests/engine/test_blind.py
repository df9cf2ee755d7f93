"""The engine knows nothing of runs: neither their records nor their words."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from runfold.events import topics
from runfold.events.catalogue import FACTS

ENGINE = Path(__file__).parents[2] / "processors/engine"
MODULES = sorted(ENGINE.rglob("*.py"))

FORBIDDEN = (
    "runfold.events.calls",
    "runfold.events.catalogue",
    "runfold.events.records.commands",
    "runfold.events.run",
    "runfold.processors.run",
)
KEPT = {
    # Metrics never change their names, nor programs theirs.
    "runfold_lane_live_runs",
    "run processor",
}
OF_RUNS = {topic.name for topic in topics.TOPICS} | {fact.__name__ for fact in FACTS}

_BEFORE_DOCSTRINGS = {tokenize.NEWLINE, tokenize.INDENT}


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def _words(path: Path) -> Iterator[str]:
    """Names and texts of the code, without its comments and docstrings."""
    before = tokenize.NEWLINE
    for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
        is_text = token.type == tokenize.STRING and before not in _BEFORE_DOCSTRINGS
        if token.type == tokenize.NAME or is_text:
            yield token.string
        if token.type not in {tokenize.NL, tokenize.COMMENT}:
            before = token.type


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ENGINE)))
def test_the_engine_imports_nothing_of_runs(path: Path) -> None:
    found = [name for name in _imports(path) if name.startswith(FORBIDDEN)]
    assert found == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ENGINE)))
def test_the_engine_has_no_word_of_runs(path: Path) -> None:
    found = set()
    for word in _words(path):
        said = word.strip("\"'")
        if said in KEPT:
            continue
        if (
            re.search(r"run_id|\bruns\b|_runs?_|_runs?$|^runs?_|\bRun[A-Z]", said)
            or said in OF_RUNS
        ):
            found.add(said)
    assert found == set()
