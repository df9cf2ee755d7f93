"""Files that hold what was rendered; ``GOLDEN=write`` writes them, to be read before commit."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"


def same(name: str, found: str) -> None:
    """Hold what was rendered against the file of that name."""
    file = FOLDER / name
    if os.environ.get("GOLDEN") == "write":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(found, "utf-8")
    assert found == file.read_text("utf-8"), f"{name} differs"
