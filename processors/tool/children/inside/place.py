"""Where in somebody's code an import failed, as a person finds it: ``shop/refunds.py:3``."""

from __future__ import annotations

import sys
import sysconfig
import traceback
from pathlib import Path

_LIBRARIES = ("site-packages", "dist-packages")
_PYTHON = sysconfig.get_path("stdlib")


def place_of(error: BaseException) -> str:
    """Return the line that an error comes from, "" where it is in no file.

    A line of the author's own code is preferred to one of a library that it imports.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_short(error.filename)}:{error.lineno or 0}"
    frames = [
        (each.filename, each.lineno or 0)
        for each in traceback.extract_tb(error.__traceback__)
        # The machinery of imports has no files; the first frame is ours.
        if not each.filename.startswith("<")
    ][1:]
    frames = [each for each in frames if not each[0].endswith("importlib/__init__.py")]
    own = [each for each in frames if not _is_library(each[0])]
    if not frames:
        return ""
    file, line = (own or frames)[-1]
    return f"{_short(file)}:{line}"


def _is_library(file: str) -> bool:
    return file.startswith(_PYTHON) or any(name in Path(file).parts for name in _LIBRARIES)


def _short(file: str) -> str:
    """Return a file as it is below the folder that it was imported from."""
    below = [
        Path(file).relative_to(folder).as_posix()
        for folder in map(Path, filter(None, sys.path))
        if Path(file).is_relative_to(folder)
    ]
    return min(below, key=len, default=file)
