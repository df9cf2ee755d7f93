"""files.search: lines that match a pattern.

The pattern is a model's, and one bad regular expression can hold Python for years. So the search
runs in a process of its own, which is bounded in time and memory and killed when it overruns; it
is given open files, never paths.
"""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from runfold.processors.tool.builtin.confine import (
    file_beneath,
    folder_beneath,
    parts_of,
    root_of,
    shown,
)
from runfold.processors.tool.builtin.contracts import contract, flag, number, text
from runfold.processors.tool.context import ToolContext
from runfold.processors.tool.errors import ToolRefusedError

_WORKER = str(Path(__file__).with_name("search_worker.py"))
_TIME_LIMIT_S = 10
_MOST_FILES = 200

CONTRACT = contract(
    "files.search",
    "Find the lines of a file, or of all files of a folder, that match a regular expression "
    "(or hold a text, with regex false). Very long lines are searched at their beginning only.",
    {
        "path": text("File or folder, relative to the root folder", default=".", maxLength=1000),
        "pattern": text("What to look for", minLength=1, maxLength=500),
        "regex": flag("Whether the pattern is a regular expression", default=True),
        "ignore_case": flag("Whether upper and lower case are the same", default=False),
        "context_lines": number("Lines to show around each match", 0, 5, 0),
        "start_line": number("First line to look at", 1, 10**9, 1),
        "max_matches": number("Most matches to return; all are counted", 1, 500, 50),
    },
    timeout_ms=30_000,
)


def run(arguments: Mapping[str, Any], context: ToolContext) -> dict[str, Any]:
    """Return the first matches and how many there are."""
    pattern = arguments["pattern"]
    if not arguments.get("regex", True):
        pattern = re.escape(pattern)
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ToolRefusedError(
            f"The pattern is no regular expression: {error}.",
            error_type="invalid_arguments",
            suggested_next_action="Correct it, or search for plain text with regex false.",
        ) from error
    with _files(root_of(context), arguments.get("path", ".")) as files:
        job = {
            "pattern": pattern,
            "ignore_case": arguments.get("ignore_case", False),
            "context_lines": arguments.get("context_lines", 0),
            "start_line": arguments.get("start_line", 1),
            "max_matches": arguments.get("max_matches", 50),
            "files": list(files.items()),
        }
        return _search(job, tuple(files.values()))


def _search(job: dict[str, Any], handles: tuple[int, ...]) -> dict[str, Any]:
    command = [sys.executable, "-I", "-S", _WORKER]
    try:
        ended = subprocess.run(
            command,
            input=json.dumps(job).encode(),
            capture_output=True,
            pass_fds=handles,
            timeout=_TIME_LIMIT_S,
            env={},
            check=True,
        )
        found: dict[str, Any] = json.loads(ended.stdout)
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        raise ToolRefusedError(
            f"The search did not end within {_TIME_LIMIT_S} s.",
            error_type="timeout",
            suggested_next_action="Use a simpler pattern, or search fewer files.",
        ) from error
    return found


@contextmanager
def _files(root: Path, path: str) -> Iterator[dict[str, int]]:
    """Open the file, or the files of the folder, by their relative paths."""
    parts = parts_of(path)
    with ExitStack() as opened:
        names = [path]
        if _is_folder(root, parts):
            with folder_beneath(root, parts) as folder:
                names = ["/".join((*parts, name)) for name in _names_in(folder)]
        files: dict[str, int] = {}
        for name in names[:_MOST_FILES]:
            try:
                files[shown(name)] = opened.enter_context(file_beneath(root, name))
            except ToolRefusedError:
                # In a folder, links and folders are simply not searched.
                if names == [path]:
                    raise
        yield files


def _names_in(folder: int) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries)


def _is_folder(root: Path, parts: tuple[str, ...]) -> bool:
    if not parts:
        return True
    with folder_beneath(root, parts[:-1]) as folder:
        try:
            held = os.stat(parts[-1], dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return stat.S_ISDIR(held.st_mode)
