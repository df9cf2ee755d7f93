"""The boundary of a local workspace: which folders there are, and what of a call lies outside.

It says what to show, and refuses to offer what would leave the workspace. What keeps a tool inside
is the tool's own root, which follows no link.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Mode = Literal["ask", "never"]

_PATHS = frozenset({
    "cwd", "dest", "destination", "dir", "directories", "directory", "file", "file_path",
    "filename", "files", "folder", "folders", "input", "new_path", "old_path", "output", "path",
    "paths", "root", "source", "target",
})  # fmt: skip
_COMMANDS = frozenset({"command", "cmd", "argv", "script", "shell"})
_LONGEST = 400


class OutsideError(Exception):
    """A path that leaves the workspace; the text says how."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """``folders`` are allowed besides ``root``; ``tools`` says which are never approved here.

    Folders are absolute. Raises ValueError for one that is not.
    """

    root: Path
    folders: tuple[Path, ...] = ()
    tools: Mapping[str, Mode] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not all(each.is_absolute() for each in (self.root, *self.folders)):
            raise ValueError("the folders of a workspace are absolute")

    def place_of(self, said: str) -> Path:
        """Return where a path leads that lies inside; raises OutsideError.

        Neither ``..`` nor a link is followed, wherever they lead.
        """
        if not said or len(said) > _LONGEST or not said.isprintable():
            raise OutsideError("it is empty, too long, or has signs that no name has")
        if said.startswith(("~", "$")) or "\\" in said:
            raise OutsideError("it is written so that a shell would read it otherwise")
        parts = Path(said).parts
        if ".." in parts:
            raise OutsideError("it goes up a folder")
        whole = Path(said) if Path(said).is_absolute() else self.root / said
        inside = next((each for each in (self.root, *self.folders) if _within(whole, each)), None)
        if inside is None:
            raise OutsideError("it lies in no folder of this workspace")
        place = inside
        for part in whole.relative_to(inside).parts:
            place /= part
            if _is_link(place):
                raise OutsideError(f"{place.name} is a link")
        return place

    def why_outside(self, said: str) -> str:
        """Return why a path is refused, empty for one that lies inside."""
        try:
            self.place_of(said)
        except OutsideError as error:
            return str(error)
        return ""

    def mode(self, tool: str) -> Mode:
        """Return what is done with calls of a tool here."""
        return self.tools.get(tool, "ask")


def paths_in(leaves: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Return the texts in a call's arguments that are paths, by their names or how they look."""
    return tuple(
        value for name, value in leaves if name.lower() in _PATHS or _looks_like_one(value)
    )


def commands_in(leaves: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Return the texts in a call's arguments that are commands, by their names."""
    return tuple(value for name, value in leaves if name.lower() in _COMMANDS)


def _looks_like_one(value: str) -> bool:
    return value.startswith(("/", "~/", "../", "./")) or "/../" in value or value.endswith("/..")


def _within(place: Path, folder: Path) -> bool:
    # Word for word: resolving would follow links before they are looked at.
    return os.path.commonpath([str(place), str(folder)]) == str(folder)


def _is_link(place: Path) -> bool:
    try:
        return stat.S_ISLNK(place.lstat().st_mode)
    except OSError:
        return False
