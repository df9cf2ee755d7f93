"""docs/performance/growth.md and its plots, drawn from the figures beside it.

``python -m benchmarks.performance.growth_page`` writes them again; with names of parts (``growth``,
``tables``, ``soak``) it takes what was measured last from build/ first.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.performance import growth_part, soak_part, tables_part
from benchmarks.performance.page import between
from benchmarks.support.figures import kept

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "performance"

_PARTS: dict[str, tuple[Callable[[Any], str], Callable[[Any], dict[str, str]], str]] = {
    "growth": (growth_part.part, growth_part.charts, "make bench-growth"),
    "tables": (tables_part.part, tables_part.charts, "make bench-tables"),
    "soak": (soak_part.part, soak_part.charts, "make bench-soak"),
}


def take(name: str) -> None:
    """Copy what was measured last of a part beside the page and write everything again.

    What was not measured this time stays as it was.
    """
    target = FOLDER / f"{name}.json"
    known = json.loads(target.read_text()) if target.exists() else {}
    target.write_text(json.dumps({**known, **kept(name)}, indent=1) + "\n")
    write()


def write() -> None:
    """Write the page and its plots from the figures beside them."""
    for file, text in generated().items():
        file.write_text(text)


def outdated() -> list[str]:
    """Return the names of files that do not say what the figures on record say."""
    return [
        file.name
        for file, text in generated().items()
        if not file.exists() or file.read_text() != text
    ]


def generated() -> dict[Path, str]:
    """Return what the page and the plots must be, by their places."""
    files: dict[Path, str] = {}
    page = (FOLDER / "growth.md").read_text()
    for name, (part, charts, command) in _PARTS.items():
        source = FOLDER / f"{name}.json"
        text = f"Not measured yet: `{command}`."
        if source.exists():
            figures = json.loads(source.read_text())
            text = part(figures)
            files |= {FOLDER / file: drawn for file, drawn in charts(figures).items()}
        page = between(page, name, text)
    return {**files, FOLDER / "growth.md": page}


def main(arguments: Sequence[str]) -> int:
    """Take the parts that are named, or write everything again."""
    for name in arguments:
        take(name)
    write()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
