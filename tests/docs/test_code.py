"""What is public is described, and no file names a machine or a package registry."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.given import ROOT, modules, tracked

# Written as a pattern, this file does not hold what it looks for.
_FORBIDDEN = re.compile(
    r"/(?:work|root)/|"
    r"\b(?:(?:pypi|pythonhosted|npmjs)\.(?:org|com)|(?:repo1?\.)?maven\.(?:apache\.)?org)"
)


def undocumented(tree: ast.Module) -> Iterator[str]:
    """The public names of a module that have no docstring."""
    if not ast.get_docstring(tree):
        yield "the module"
    yield from _in(tree.body, "")


def _in(body: list[ast.stmt], prefix: str) -> Iterator[str]:
    for node in body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if node.name.startswith("_"):
            continue
        if not ast.get_docstring(node):
            yield f"{prefix}{node.name}"
        if isinstance(node, ast.ClassDef):
            yield from _in(node.body, f"{prefix}{node.name}.")


@pytest.mark.parametrize(
    "room",
    ["events", "infra", "producers", "processors", "projections", "surfaces", "stack", "src"],
)
def test_every_public_name_is_described(room: str) -> None:
    bare = [
        f"{file.relative_to(ROOT)}: {name}"
        for file in modules()
        if file.relative_to(ROOT).parts[0] == room and file.stat().st_size
        for name in undocumented(ast.parse(file.read_text(encoding="utf-8")))
    ]

    assert bare == []


def test_a_name_without_a_description_is_noticed() -> None:
    tree = ast.parse('"""A."""\nclass B:\n    def c(self): ...\n    def _d(self): ...\n')

    assert list(undocumented(tree)) == ["B", "B.c"]


def test_no_file_names_a_place_on_a_machine_or_a_package_registry() -> None:
    named = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in tracked()
        for number, line in enumerate(_lines(file), 1)
        if _FORBIDDEN.search(line)
    ]

    assert named == []


@pytest.mark.parametrize(("head", "tail"), [("cd /", "work/x"), ("https://pypi", ".org/simple")])
def test_a_place_that_must_not_stand_is_noticed(head: str, tail: str) -> None:
    assert not _FORBIDDEN.search(tail)
    assert _FORBIDDEN.search(head + tail)


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return []
