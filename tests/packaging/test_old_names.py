"""No file imports a folder of this repository by its bare name."""

from __future__ import annotations

import re

import pytest

from tests.docs.given import ROOMS, ROOT, tracked

_NAMES = "|".join(ROOMS)
# Written as patterns, this file does not hold what it looks for.
_OLD = re.compile(
    rf"(?:^|[;\"'])\s*from (?:{_NAMES})(?:\.\w+)* import\b"
    rf"|^\s*import (?:{_NAMES})(?:\.\w+)*(?: as \w+)?\s*(?:#.*)?$"
    rf"|-m[ \"',]+(?:{_NAMES})\b(?!/)"
)


def old_names(text: str) -> list[int]:
    """The numbers of the lines that use a bare name."""
    return [number for number, line in enumerate(text.splitlines(), 1) if _OLD.search(line)]


def test_no_file_uses_an_old_import_name() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in tracked()
        if file.suffix not in {".bin", ".jsonl", ".gz", ".checkpoint"}
        for number in old_names(file.read_text(encoding="utf-8", errors="ignore"))
    ]

    assert found == []


@pytest.mark.parametrize("name", ROOMS)
@pytest.mark.parametrize(
    "line",
    [
        "from {}.values import Limits",
        "    from {} import topics",
        "import {}",
        "import {}.topics as topics  # why",
        "python -m {}.avro --check",
        'text = "import time; from {}.control import up"',
        'command: ["-m", "{}.run"]',
        "run([sys.executable, '-m', '{}'])",
    ],
)
def test_an_old_import_name_is_noticed(name: str, line: str) -> None:
    assert old_names(line.format(name)) == [1]
    assert old_names(line.format(f"runfold.{name}")) == []
