"""What callers note: one JSON object a line, in the order in which it happened."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LOG = "callers.log"
GOAL = "over-http-"
"""What the goal of each run begins with that is asked for through a surface; its end is unique."""

NEVER = f"{GOAL}never-"
"""And of each request that must be refused."""


class Notes:
    """Adds lines to a file; one that was noted is there whatever happens to its process."""

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def note(self, what: str, **more: Any) -> None:
        """Add one line."""
        os.write(self._file, (json.dumps({"what": what, **more}) + "\n").encode())


def noted(folder: Path, *what: str) -> Iterator[dict[str, Any]]:
    """Yield what was noted of some kinds; a line that is not whole yet counts for nothing."""
    path = folder / LOG
    if not path.exists():
        return
    marks = tuple(f'{{"what": "{each}"' for each in what)
    with path.open() as file:
        for line in file:
            if line.startswith(marks) and line.endswith("\n"):
                yield json.loads(line)


def acknowledged(folder: Path) -> frozenset[str]:
    """Return the runs that somebody was told of."""
    return frozenset(each["run"] for each in noted(folder, "acked"))
