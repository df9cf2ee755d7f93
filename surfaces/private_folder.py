"""A folder for what nobody else may read: contents that leave the log in plain."""

from __future__ import annotations

import os
from pathlib import Path


def make_private(folder: Path) -> str:
    """Make a folder that this user alone may read; return why that cannot be, or nothing.

    One that is there must be empty and this user's own: its owner could read what comes into it,
    whatever its mode says. What is refused stays as it was.
    """
    try:
        if folder.exists():
            if not folder.is_dir():
                return f"{folder} is no folder: name one that is new or empty."
            if any(folder.iterdir()):
                return f"{folder} holds something: name a folder that is new or empty."
            if folder.stat().st_uid != os.geteuid():
                return f"{folder} belongs to somebody else: name a folder of yours."
            folder.chmod(0o700)
        else:
            folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        return f"{folder} cannot be used ({error.strerror}): name a folder of yours, new or empty."
    return ""
