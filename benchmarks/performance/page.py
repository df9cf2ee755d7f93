"""Which files are generated, and from what; text outside of the marks is written by people."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.performance import floors_part, peers_part

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "performance.md"
FIGURES = ROOT / "docs" / "performance"
BUILD = ROOT / "build"

_PARTS: dict[str, tuple[Callable[[Any], str], Callable[[Any], dict[str, str]], str]] = {
    "peers": (peers_part.part, peers_part.charts, "make bench-peers performance"),
    "floors": (floors_part.part, floors_part.charts, "make bench-floors performance"),
}


def generated() -> dict[Path, str]:
    """Return what the page and the plots must be, by their places."""
    files: dict[Path, str] = {}
    page = PAGE.read_text(encoding="utf-8")
    for name, (part, charts, command) in _PARTS.items():
        text = f"Not measured yet: `{command}`."
        if (report := _report(FIGURES, name)) is not None:
            text = part(report)
            files |= {FIGURES / file: drawn for file, drawn in charts(report).items()}
        page = between(page, name, text)
    return {**files, PAGE: page}


def between(page: str, name: str, text: str) -> str:
    """Return the page with another text between the marks of a part; raises ValueError."""
    begin, end = f"<!-- {name}: generated, do not edit -->", f"<!-- end of {name} -->"
    before, found, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise ValueError(f"The page needs the marks {begin!r} and {end!r}.")
    return f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}"


def outdated() -> list[str]:
    """Return the files that are not what the figures say."""
    return [
        file.relative_to(ROOT).as_posix()
        for file, text in generated().items()
        if not file.exists() or file.read_text(encoding="utf-8") != text
    ]


def write() -> list[str]:
    """Write every file that differs and return their names."""
    stale = outdated()
    for file, text in generated().items():
        file.write_text(text, encoding="utf-8")
    return stale


def take() -> list[str]:
    """Copy the figures that were measured last into the documents and return their names.

    Those of a quick try are left where they are: they say that it works, not how fast.
    """
    taken = []
    for name in _PARTS:
        report = _report(BUILD, name)
        if report is None or report.get("profile") == "quick":
            continue
        FIGURES.mkdir(exist_ok=True)
        for measured in sorted(BUILD.glob(f"{name}.*json")):
            (FIGURES / measured.name).write_bytes(measured.read_bytes())
            taken.append(measured.name)
    return taken


def _report(folder: Path, name: str) -> dict[str, Any] | None:
    """Return what was measured, None where nothing was; rows have their session beside them."""
    source = folder / f"{name}.json"
    if not source.exists():
        return None
    found = json.loads(source.read_text(encoding="utf-8"))
    if isinstance(found, dict):
        return found
    session = json.loads((folder / f"{name}.session.json").read_text(encoding="utf-8"))
    return {**session, "systems": found}
