"""The mark in a home into which a back-up is being restored, for whoever starts processes there.

Processes that know the cluster alone see the mark of the journal's topic, which
``infra.kafka.restoring`` describes.
"""

from __future__ import annotations

import os
from pathlib import Path

from runfold.stack.home import Home


def put(home: Path) -> None:
    """Mark a home, durably; raises OSError."""
    path = Home(home).restoring
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        file.write("A back-up is being restored here, or its restore did not finish.\n")
        file.flush()
        os.fsync(file.fileno())


def take_away(home: Path) -> None:
    """Take the mark away; raises OSError."""
    Home(home).restoring.unlink(missing_ok=True)
