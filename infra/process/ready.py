"""How a process says that it does its work now: a file that a supervisor asked for."""

from __future__ import annotations

import os
from pathlib import Path

READY_FILE = "RUNFOLD_READY_FILE"


def announce() -> None:
    """Touch the file that RUNFOLD_READY_FILE names; does nothing where it names none."""
    file = os.environ.get(READY_FILE)
    if file:
        Path(file).touch()
