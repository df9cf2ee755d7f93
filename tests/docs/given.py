"""The pages of this repository, their blocks and their links."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("events", "infra", "producers", "processors", "projections", "surfaces", "stack")

_BLOCK = re.compile(r"^```(\w+) run\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block that is marked to be run."""

    page: str
    language: str
    text: str
    line: int

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@cache
def tracked() -> tuple[Path, ...]:
    """Every file of the repository that is in git or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode == 0:
        names = [Path(name) for name in listed.stdout.splitlines()]
    else:
        # An export without .git: what lies here is what there is.
        names = [
            file.relative_to(ROOT) for room in (*ROOMS, "src", "docs") for file in _files(room)
        ]
        names += [file.relative_to(ROOT) for file in ROOT.glob("*.md")]
    return tuple(ROOT / name for name in names if (ROOT / name).is_file())


def _files(folder: str) -> list[Path]:
    return [file for file in (ROOT / folder).rglob("*") if "__pycache__" not in file.parts]


def pages() -> tuple[Path, ...]:
    """Every Markdown page."""
    return tuple(file for file in tracked() if file.suffix == ".md")


def modules() -> tuple[Path, ...]:
    """Every Python file of the product."""
    rooms = (*ROOMS, "src")
    return tuple(
        file
        for file in tracked()
        if file.suffix == ".py" and file.relative_to(ROOT).parts[0] in rooms
    )


def blocks() -> tuple[Block, ...]:
    """Every block that is marked to be run, in the order of the pages."""
    found = []
    for page in sorted(pages(), key=lambda file: (file.name != "README.md", file)):
        text = page.read_text(encoding="utf-8")
        for match in _BLOCK.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append(Block(str(page.relative_to(ROOT)), match[1], match[2], line))
    return tuple(found)
