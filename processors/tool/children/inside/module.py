"""The module of tools that a process serves: imported once, before anything is forked from it."""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from runfold.infra.process.frames import Frame
from runfold.processors.tool.children.inside.place import place_of
from runfold.processors.tool.execution import first_line
from runfold.processors.tool.python.code import digest_of, sources_of
from runfold.processors.tool.python.tools import marked

_NAMED = 5
_WORDS = 200
_LONGEST = 480
_LONGEST_PLACE = 160


@dataclass(frozen=True, slots=True)
class Tools:
    """An imported module; ``holds`` says in words why no copy of this process would work."""

    module: ModuleType
    sources: Mapping[str, bytes]
    holds: str

    def digest(self) -> str | None:
        """Return the digest of the code that was imported; to find what it needs takes a while."""
        return digest_of(self.module.__name__, self.sources)

    def function(self, name: str) -> Callable[..., Any]:
        """Return a function by its name."""
        found: Callable[..., Any] = getattr(self.module, name)
        return found


def imported(name: str) -> tuple[Tools | None, Frame]:
    """Import a module of tools; return it, and what the parent is told of it."""
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    held = _open_files()
    try:
        sources = sources_of(name)
        module = importlib.import_module(name)
        found = json.dumps(marked(module)).encode()
    except BaseException as error:  # noqa: BLE001 - a module may raise anything while imported
        return None, Frame({"kind": "fault", "message": _fault(name, error)})
    tools = Tools(module, sources, _held(_threads(), _open_files() - held))
    head = {"kind": "ready", "forks": not tools.holds, "holds": tools.holds}
    return tools, Frame(head, found)


def _held(threads: list[str], files: set[tuple[str, str]]) -> str:
    """Return what an import left that a copy would not have, or would share; empty for nothing."""
    found = (("thread", threads), ("open file", sorted(name for _, name in files)))
    said = " and ".join(
        f"{len(names)} {kind}{'s' * (len(names) > 1)} ({', '.join(names[:_NAMED])[:_WORDS]})"
        for kind, names in found
        if names
    )
    return "".join(each if each.isprintable() else "?" for each in said)


def _fault(name: str, error: BaseException) -> str:
    """Return why a module is not there: what its author needs to find the line."""
    try:
        place = place_of(error)
    except Exception:  # noqa: BLE001 - an error's own attributes may be anything
        place = ""
    where = f" ({place[:_LONGEST_PLACE]})" if place else ""
    said = f"{name} cannot be imported: {type(error).__name__}: {first_line(error)}"
    return said[: _LONGEST - len(where)] + where


def _threads() -> list[str]:
    """Return the names of all threads but the main one, those of libraries included."""
    main = threading.main_thread()
    known = {each.native_id: each.name for each in threading.enumerate() if each is not main}
    try:
        tasks = [
            task for task in Path("/proc/self/task").iterdir() if task.name != str(os.getpid())
        ]
        return sorted(known.get(int(task.name)) or _library(task) for task in tasks)
    except OSError:
        return sorted(known.values())


def _library(task: Path) -> str:
    """Return what a thread that Python did not start is called, mostly as its process."""
    return (task / "comm").read_text(errors="replace").strip()


def _open_files() -> set[tuple[str, str]]:
    """Return what is open; a connection or a database must not be shared by copies."""
    found = set()
    for entry in Path("/proc/self/fd").glob("*"):
        try:
            found.add((entry.name, str(entry.readlink())))
        except OSError:
            continue
    return found
