"""docs/clients.md: written by hand around the programs of ``examples/clients``."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = "docs/clients.md"

SHOWN = re.compile(
    r"^<!-- (examples/clients/\S+) -->\n```(\w+)\n.*?^```$", re.MULTILINE | re.DOTALL
)
"""A comment that names a file, and the block behind it that shows the file."""


def page() -> str:
    """Return the page with each block as its file is now; raises OSError where one is not there."""
    return SHOWN.sub(_shown, (ROOT / PAGE).read_text(encoding="utf-8"))


def _shown(found: re.Match[str]) -> str:
    text = (ROOT / found[1]).read_text(encoding="utf-8")
    return f"<!-- {found[1]} -->\n```{found[2]}\n{text}```"
