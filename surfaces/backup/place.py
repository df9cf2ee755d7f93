"""The folder that a back-up is written into: checked before anything of it is changed."""

from __future__ import annotations

import os
from pathlib import Path

from runfold.surfaces.backup.errors import BackupError, NotEmptyError
from runfold.surfaces.private_folder import make_private

OF_THE_HOME = (
    "artifacts",
    "calls",
    "gateway",
    "kafka",
    "logs",
    "monitor",
    "postgres",
    "run",
    "workspace",
)
"""What Runfold keeps in a home, which is no place for anything else."""


def need(target: Path, home: Path) -> None:
    """Raise BackupError where no back-up can be written to; nothing is made or changed."""
    if target.exists() and not target.is_dir():
        raise NotEmptyError(f"{target} is no folder: name one that is empty, or is to be made.")
    there, own = target.resolve(), home.resolve()
    if there == own or any(there.is_relative_to(own / name) for name in OF_THE_HOME):
        raise BackupError(
            f"{target} is a folder of the home {home}, and is not empty for long: name one that "
            "is not Runfold's, best on another disk."
        )
    if not target.exists():
        return
    if not os.access(target, os.R_OK | os.W_OK | os.X_OK):
        raise NotEmptyError(f"{target} cannot be written to.")
    if any(target.iterdir()):
        raise NotEmptyError(f"{target} is not empty: name a folder that is, or is to be made.")


def make(target: Path) -> None:
    """Make a folder that ``need`` has accepted, for its owner's eyes only; raises BackupError."""
    if why := make_private(target):
        raise BackupError(why)
